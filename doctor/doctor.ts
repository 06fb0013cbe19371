import { readSpec } from "../launcher/read-spec.ts";
import { examine } from "./examine.ts";
import { lineOf } from "./finding.ts";

/**
 * Prints what is found of this host: a line each.
 *
 * @param file path of the stack's spec
 * @param cache absolute path of the cache
 * @param isJson whether it is printed as JSON
 * @returns the exit status: 1 if `up` would not succeed
 * @throws UserError if the spec has problems
 */
export function doctor(file: string, cache: string, isJson = false): number {
  const findings = examine(readSpec(file), cache);
  console.log(isJson ? JSON.stringify(findings, undefined, 2) : findings.map(lineOf).join("\n"));
  return findings.some(({ state }) => state === "stop") ? 1 : 0;
}
