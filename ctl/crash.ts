import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { guestId } from "../components/names.ts";
import { CtlError, exitCodes } from "./exit.ts";
import type { Standing } from "./standing.ts";

/** A crash of a guest, as its watcher has written it down: components/crash/. */
export interface Crash {
  /** Absolute path of the folder of its report, and of the dump as long as that is kept. */
  readonly folder: string;
  /** What it was, and where: "panicked: …" if it has stopped the guest, "reported: …" if that went on. */
  readonly story: string;
  /** When it was written down. */
  readonly written: Date;
}

/** Absolute path of the folder of a guest's watcher. */
export function watchFolder({ rootFolder }: Standing, guest: string): string {
  return join(rootFolder, "crashes", guestId(guest));
}

/** Absolute paths of the folders in which something of a guest is kept, the oldest first. */
export function keptOf(stack: Standing, guest: string): readonly string[] {
  const { name, crashes } = stack;
  const folder = crashes === undefined ? join(watchFolder(stack, guest), "reports") : join(crashes, `${name}-${guest}`);
  const names = existsSync(folder) ? readdirSync(folder).filter((one) => !one.startsWith(".")) : [];
  return names.sort().map((one) => join(folder, one));
}

/** The crashes of a guest that are written down, the oldest first. */
export function crashesOf(stack: Standing, guest: string): readonly Crash[] {
  return keptOf(stack, guest).flatMap((folder) => {
    // The line that up prints; a dump that somebody has asked for has none.
    const file = join(folder, "story");
    return existsSync(file)
      ? [{ folder, story: readFileSync(file, "utf8").trim(), written: statSync(file).mtime }]
      : [];
  });
}

/** The last one. @throws CtlError if there is none */
export function lastCrash(stack: Standing, guest: string): Crash {
  const last = crashesOf(stack, guest).at(-1);
  if (last === undefined) {
    throw new CtlError(exitCodes.failed, `no crash of ${guest} is written down`);
  }
  return last;
}
