import { appendFileSync, existsSync, readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { lastBytes } from "./last-bytes.ts";

/** Bytes from which on a console is cut, and which of them stay. */
const limit = 16 * 1024 ** 2;
const kept = 1024 ** 2;

/**
 * Cuts the consoles of the guests that have grown large: QEMU appends to them for ever, also to one that was cut short
 * while it is open.
 *
 * @param folder absolute path of the folder of their files
 */
export function trimConsoles(folder: string): void {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  for (const file of names.filter((name) => name.endsWith("-console.log")).map((name) => join(folder, name))) {
    // A guest that is destroyed takes its own along.
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (size > limit) {
      const end = lastBytes(file, kept);
      truncateSync(file);
      appendFileSync(file, end);
    }
  }
}
