import { randomInt } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { faultNamed, faults } from "./list.ts";
import type { Fault } from "./run.ts";

export const usage = `usage: npm run faults -- [OPTION]...

Brings an environment up, applies faults that are drawn at random, and sees whether it comes back from each.

  --count N      how many faults (default: each once)
  --seed S       draw as in the run that printed this seed (default: a new one)
  --only NAME    draw from this one; may be given several times (default: all)
  --cheap        draw only from those that are over soon
  --resume FILE  go on with the run that FILE notes, if it is there, and note there how far this one comes
  --table FILE   write what preview said, what up did and how long it took, as a page
  --keep         leave the environment up, for the next run
  --list         print the faults, and do nothing

The stack and its embedded host are apart from yours, in ${join(tmpdir(), "duet-faults")}; what pulumi printed is in the log there.
The last line is \`survived X of N\`; the exit code is 0 if X is N and destroy has left nothing.`;

/** What a run of the faults is asked to do. */
export interface FaultOptions {
  readonly count: number;
  readonly seed: number;
  /** Those to draw from. */
  readonly from: readonly Fault[];
  /** Where the run is noted: an absolute path, or as the user gave it. */
  readonly resume: string | undefined;
  /** Absolute path, or as the user gave it. */
  readonly table: string | undefined;
  readonly keep: boolean;
  readonly list: boolean;
}

/** A whole number of an option. @throws if it is none, or out of range. */
function whole(option: string, text: string, lowest: number, highest: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < lowest || value > highest) {
    throw new Error(
      `--${option} takes a whole number from ${lowest} to ${highest}, and was given ${JSON.stringify(text)}`,
    );
  }
  return value;
}

/** Takes the command line apart. @throws with one line for the user. */
export function faultOptions(words: readonly string[]): FaultOptions {
  const { values } = parseArgs({
    args: [...words],
    options: {
      count: { type: "string" },
      seed: { type: "string" },
      only: { type: "string", multiple: true },
      cheap: { type: "boolean", default: false },
      resume: { type: "string" },
      table: { type: "string" },
      keep: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
    },
  });
  const named = values.only?.map(faultNamed) ?? faults;
  const from = named.filter(({ cheap }) => cheap || !values.cheap);
  if (from.length === 0) {
    throw new Error("no fault is left to draw from: --cheap leaves out all that --only names");
  }
  return {
    count: values.count === undefined ? from.length : whole("count", values.count, 1, 10_000),
    seed: values.seed === undefined ? randomInt(2 ** 32) : whole("seed", values.seed, 0, 2 ** 32 - 1),
    from,
    resume: values.resume,
    table: values.table,
    keep: values.keep,
    list: values.list,
  };
}

/** The command line that does the same again. */
export function replayCommand({ count, seed, from }: FaultOptions): string {
  const only = from.length === faults.length ? [] : from.map(({ name }) => `--only ${JSON.stringify(name)}`);
  return ["npm run faults --", `--count ${count} --seed ${seed}`, ...only].join(" ");
}
