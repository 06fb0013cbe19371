import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { ownValues, parseSpec, type Spec, SpecError } from "../components/spec.ts";
import { UserError } from "../sandbox/report.ts";
import { examine } from "./examine.ts";
import { lineOf } from "./finding.ts";

/**
 * Prints what is found of this host: a line each.
 *
 * @param file path of the stack's spec
 * @param cache absolute path of the cache
 * @returns the exit status: 1 if `up` would not succeed
 * @throws UserError if the spec has problems
 */
export function doctor(file: string, cache: string): number {
  const findings = examine(specIn(file), cache);
  for (const finding of findings) {
    console.log(lineOf(finding));
  }
  return findings.some(({ state }) => state === "stop") ? 1 : 0;
}

function specIn(file: string): Spec {
  try {
    return parseSpec(ownValues(parse(readFileSync(file, "utf8"))?.config ?? {}));
  } catch (error) {
    throw new UserError(error instanceof SpecError ? error.message : `cannot read ${file}: ${String(error)}`);
  }
}
