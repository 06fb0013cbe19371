import { lstatSync, lutimesSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Folders of the cache: what is in one of them is named by what it was made from, or for, and never changes its name. */
// Not of logs, which are written over: there are as many as stacks, and commands.
const kinds = ["build-root", "drgn", "go", "image", "kernel", "node", "toolchain", "workstation"];

/** Days that something stays which nobody uses, and how many of a kind stay at most. */
const days = 30;
const kept = 4;

/** What something is called while it is being removed: nobody else looks for it, and what a kill has left is known. */
const leaving = ".unused-";

/**
 * Notes that something in the cache is used, by the time at which its inode was changed: whoever reads it does not change
 * that, and the time of an image's content stays, which is a fact.
 */
export function markUsed(path: string): void {
  try {
    lutimesSync(path, new Date(), lstatSync(path).mtime);
  } catch {
    // It is not there yet, or it is somebody else's.
  }
}

/**
 * Removes from the cache what nobody has used for a month, or since four others of its kind were.
 *
 * @param cache absolute path
 * @param used absolute paths of what is in use there, or of files below it
 * @param now in milliseconds. Defaults to the present.
 */
export function removeUnused(cache: string, used: readonly string[], say: (line: string) => void, now = Date.now()) {
  const unused = kinds.flatMap((kind) => unusedIn(join(cache, kind), used, now));
  if (unused.length === 0) {
    return;
  }
  const names = unused.map((path) => path.slice(cache.length + 1)).join(", ");
  say(`remove from ${cache} what nobody has used for ${days} days, or since ${kept} others were: ${names}`);
  for (const path of unused) {
    try {
      remove(path);
    } catch (error) {
      say(`cannot remove ${path}: ${(error as Error).message}; remove it by hand`);
    }
  }
}

function unusedIn(folder: string, used: readonly string[], now: number): readonly string[] {
  const names = list(folder);
  const left = names.filter((name) => name.startsWith(leaving)).map((name) => join(folder, name));
  const entries = names.filter((name) => !name.startsWith(".")).map((name) => join(folder, name));
  const isUsed = (entry: string) => used.some((path) => path === entry || path.startsWith(`${entry}/`));
  entries.filter(isUsed).forEach(markUsed);
  const others = entries
    .filter((entry) => !isUsed(entry))
    // Another run may be removing it too.
    .map((path) => ({ path, age: now - (lstatSync(path, { throwIfNoEntry: false })?.ctimeMs ?? now) }))
    .sort((a, b) => a.age - b.age)
    .filter(({ age }, at) => at >= kept || age > days * 24 * 3600 * 1000)
    .map(({ path }) => path);
  return [...left, ...others];
}

/** At once out of the way of whoever may want it, then for good. */
function remove(path: string): void {
  const name = basename(path);
  const gone = join(dirname(path), name.startsWith(leaving) ? name : `${leaving}${name}`);
  renameSync(path, gone);
  rmSync(gone, { recursive: true, force: true });
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
