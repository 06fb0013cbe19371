import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { ownValues, parseSpec, type Spec } from "../components/spec.ts";
import { SpecError } from "../components/spec-problems.ts";
import { UserError } from "../sandbox/report.ts";

/**
 * The spec of a stack, checked whole. To be imported where it is needed: the program checks it too, once it runs.
 *
 * @param file path of the stack's file
 * @throws UserError with a line for each problem
 */
export function readSpec(file: string): Spec {
  try {
    return parseSpec(ownValues(parse(readFileSync(file, "utf8"))?.config ?? {}));
  } catch (error) {
    throw new UserError(error instanceof SpecError ? error.message : `cannot read ${file}: ${String(error)}`);
  }
}
