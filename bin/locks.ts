import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { processName } from "../sandbox/processes.ts";
import { UserError } from "../sandbox/report.ts";

/** A lock of Pulumi's file backend: who has taken it. Source: pkg/backend/diy/lock.go. */
export interface Lock {
  readonly pid: number;
  readonly hostname: string;
}

/** Reads a lock file; undefined where its writer was cut off. */
export function parseLock(text: string): Lock | undefined {
  try {
    const { pid, hostname } = JSON.parse(text);
    return Number.isInteger(pid) && typeof hostname === "string" ? { pid, hostname } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether whoever has taken a lock may still be at work.
 *
 * @param host name of this host: of a process on another one nothing can be known
 * @param nameOf the name of a process of this host, undefined where there is none
 */
export function isHeld(lock: Lock, host: string, nameOf: (pid: number) => string | undefined): boolean {
  return lock.hostname !== host || nameOf(lock.pid) === "pulumi";
}

/** The folder of a stack's locks. */
export function lockFolder(backend: string, stack: string): string {
  return join(backend, ".pulumi/locks/organization/duet", stack);
}

/**
 * Removes the locks of a pulumi that was killed, which would keep every other one out.
 *
 * @param backend absolute path of the folder of the file backend
 * @returns a line for each lock that was removed
 * @throws UserError where the stack is locked by somebody who is at work
 */
export function clearLocks(backend: string, stack: string): readonly string[] {
  const folder = lockFolder(backend, stack);
  const files = existsSync(folder) ? readdirSync(folder).sort() : [];
  const locks = files
    // What a lock file has beside it goes with it.
    .filter((file) => !file.endsWith(".attrs"))
    .map((file) => ({ file: join(folder, file), lock: parseLock(readFileSync(join(folder, file), "utf8")) }));
  for (const { lock } of locks) {
    if (lock !== undefined && isHeld(lock, hostname(), processName)) {
      const where = lock.hostname === hostname() ? "" : ` on ${lock.hostname}`;
      throw new UserError(
        `stack ${stack} is locked by pulumi, pid ${lock.pid}${where}: wait for it, or \`pulumi cancel --stack ${stack}\``,
      );
    }
  }
  return locks.map(({ file, lock }) => {
    rmSync(file);
    rmSync(`${file}.attrs`, { force: true });
    return `stack ${stack} was locked by ${lock === undefined ? "a file without a pid" : `pulumi, pid ${lock.pid}, which is gone`}: lock removed`;
  });
}
