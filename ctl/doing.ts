import { existsSync, readdirSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { holderOf } from "../sandbox/exclusive.ts";
import { lastBytes } from "../sandbox/last-bytes.ts";
import type { Standing } from "./standing.ts";

/** What is being done to a stack. */
export interface Doing {
  /** Who works on it, such as `pulumi, pid 12`; undefined for nobody. */
  readonly who: string | undefined;
  /** The same in words. */
  readonly line: string;
  /** The last lines of what that one has logged. */
  readonly log: readonly string[];
}

/** Lines of a log that are shown, and bytes in which these are looked for. */
const lines = 12;
const bytes = 1 << 14;

/**
 * Finds out what is being done, as a run marks it: by the lock of the stack, by the log that it has open, and, if it was
 * cut off, by the file `unfinished` (launcher/converge.ts).
 *
 * @param cache absolute path of the user's cache
 */
export async function doingTo({ name, folder }: Pick<Standing, "name" | "folder">, cache: string): Promise<Doing> {
  const who = await holderOf(folder);
  if (who === undefined) {
    const wasCutOff = existsSync(join(folder, "unfinished"));
    const line = wasCutOff
      ? "Nothing. The last run did not come to its end: duetctl up goes on from there."
      : "Nothing.";
    return { who, line, log: [] };
  }
  const log = openLog(join(cache, "log"), name, who);
  if (log === undefined) {
    return { who, line: `${who}, is working on the stack.`, log: [] };
  }
  const command = basename(log, ".log").slice(name.length + 1);
  return { who, line: `${who}, is working on the stack: ${command}. Its log is ${log}`, log: lastLines(log) };
}

/** The log of a stack that its holder has open. Undefined if there is none, as with pulumi's own display. */
function openLog(folder: string, stack: string, who: string): string | undefined {
  const descriptors = `/proc/${/ pid (\d+)$/.exec(who)?.[1]}/fd`;
  try {
    const open = readdirSync(descriptors).flatMap((one) => linkOf(join(descriptors, one)));
    const real = realpathSync(folder);
    return open.find((file) => dirname(file) === real && basename(file).startsWith(`${stack}-`));
  } catch {
    // It has ended since, or is another user's.
    return undefined;
  }
}

function linkOf(path: string): readonly string[] {
  try {
    return [readlinkSync(path)];
  } catch {
    // Closed since.
    return [];
  }
}

function lastLines(file: string): readonly string[] {
  const all = stripVTControlCharacters(lastBytes(file, bytes).toString()).split(/[\r\n]+/);
  return all.filter((line) => line.trim() !== "").slice(-lines);
}
