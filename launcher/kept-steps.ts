import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { stepSuffix } from "../components/machine/step.ts";

/** A step that the host has kept of a stack. */
export interface KeptStep {
  readonly name: string;
  /** Absolute path of its file. */
  readonly file: string;
}

/** @param folder absolute path of the stack's folder in the state */
export function keptSteps(folder: string): readonly KeptStep[] {
  const records = join(folder, "steps");
  return (existsSync(records) ? readdirSync(records) : [])
    .filter((name) => name.endsWith(stepSuffix))
    .map((name) => ({ name: name.slice(0, -stepSuffix.length), file: join(records, name) }));
}
