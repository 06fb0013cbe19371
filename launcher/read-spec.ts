import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { parseSpec, type Spec, valuesOf } from "../components/spec.ts";
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
    return parseSpec(valuesOf(handedOver(parse(readFileSync(file, "utf8"))?.config ?? {})));
  } catch (error) {
    throw new UserError(error instanceof SpecError ? error.message : `cannot read ${file}: ${String(error)}`);
  }
}

/** What pulumi makes of a stack's file. Source: MarshalString in its sdk/go/common/resource/config/object.go. */
function handedOver(config: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts = Object.entries(config).map(([key, value]) => [
    key,
    typeof value === "string" ? value : JSON.stringify(value ?? ""),
  ]);
  return Object.fromEntries(texts);
}
