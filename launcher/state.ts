import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { drgnNote, imageNote, isToolchainNote } from "../components/names.ts";
import { removeEmpty } from "../sandbox/host.ts";
import { UserError } from "../sandbox/report.ts";
import { checkpoints, order, type Pulumi, readCheckpoint } from "./backend.ts";
import { stackFolder } from "./environment.ts";

/** The folder of the file backend in which the stacks of the embedded host are. */
export function backendOf(state: string): string {
  return join(state, "pulumi");
}

/** The file with the passphrase of those stacks' secrets. */
export function passphraseFile(state: string): string {
  return join(state, "passphrase");
}

/** Does something with the state folder. @throws UserError if it cannot be written */
export function writing<T>(state: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (typeof code === "string" && /^(?:EACCES|EPERM|EROFS|ENOTDIR|EEXIST|ENOENT|ENOSPC|EDQUOT)$/.test(code)) {
      const advice = /^E(?:NOSPC|DQUOT)$/.test(code) ? "free some of its disk" : "set XDG_STATE_HOME";
      throw new UserError(`cannot keep state in ${state}: it cannot be written (${code}); ${advice}`);
    }
    throw error;
  }
}

/** The file which names the first folder that had to be made for the state: what goes with it at the end. */
const createdFile = "created";

function makeState(state: string): void {
  const created = mkdirSync(state, { recursive: true, mode: 0o700 });
  if (created !== undefined) {
    writeFileSync(join(state, createdFile), created);
  }
}

/** Makes the folder of a stack, 0700 as all above it. While it is there, the stack may stand. */
export function makeStackFolder(state: string, stack: string): void {
  writing(state, () => {
    makeState(state);
    mkdirSync(stackFolder(state, stack), { recursive: true, mode: 0o700 });
  });
}

/** Makes what the stacks of the embedded host share: their backend and the passphrase of their secrets. */
export function makeBackend(state: string): void {
  writing(state, () => {
    makeState(state);
    mkdirSync(backendOf(state), { recursive: true, mode: 0o700 });
    const file = passphraseFile(state);
    if (!existsSync(file)) {
      replace(file, randomBytes(32).toString("hex"));
    }
  });
}

/** Writes a file, 0600, so that a run which is cut off leaves the old one or the new one, and so does one beside it. */
export function replace(file: string, text: string): void {
  const fresh = `${file}.${process.pid}`;
  writeFileSync(fresh, text, { mode: 0o600 });
  renameSync(fresh, file);
}

/** Absolute paths of what the stacks need of the cache: images, build roots, and by what crashes are read. */
export function cachedInUse(state: string): readonly string[] {
  const folder = join(state, "stacks");
  const isNote = (file: string) => file === drgnNote || file === imageNote || isToolchainNote(file);
  const notes = list(folder).flatMap((stack) =>
    list(join(folder, stack)).flatMap((file) => (isNote(file) ? [join(folder, stack, file)] : [])),
  );
  return notes.flatMap((note) => read(note).trim() || []);
}

/** Names of the embedded host's stacks other than this one. */
function othersStanding(state: string, stack: string): readonly string[] {
  return list(checkpoints(backendOf(state))).filter((name) => name.endsWith(".json") && name !== `${stack}.json`);
}

/**
 * Gives back what a stack that does not stand any more has in the state, and all of the state after the last stack.
 * Harmless when repeated, and if the stack never was.
 *
 * @param pulumi where `directory` is the stack's folder; undefined for a stack of the user's own backend
 * @param stop ends the embedded host
 */
export async function giveBack(
  state: string,
  stack: string,
  pulumi?: () => Promise<Pulumi>,
  stop?: () => Promise<void>,
): Promise<void> {
  const folder = stackFolder(state, stack);
  if (pulumi !== undefined && readCheckpoint(backendOf(state), stack) !== undefined) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, "Pulumi.yaml"), "name: duet\nruntime: nodejs\n");
    order(await pulumi(), ["stack", "rm", "--yes", "--remove-backups", "--stack", stack]);
  }
  rmSync(folder, { recursive: true, force: true });
  if (othersStanding(state, stack).length === 0) {
    await stop?.();
  }
  // Stacks of the user's own backend have no more than their folder here.
  if ([...list(join(state, "stacks")), ...othersStanding(state, stack), ...list(join(state, "sandbox"))].length === 0) {
    const created = read(join(state, createdFile)) || state;
    rmSync(state, { recursive: true, force: true });
    removeEmpty(dirname(state), created);
  }
}

/** Text of a file, which is empty if there is none. */
export function read(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

function list(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
