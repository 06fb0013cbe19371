import { readSpec } from "../launcher/read-spec.ts";
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
  const findings = examine(readSpec(file), cache);
  for (const finding of findings) {
    console.log(lineOf(finding));
  }
  return findings.some(({ state }) => state === "stop") ? 1 : 0;
}
