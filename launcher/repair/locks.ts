import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { processName } from "../../sandbox/processes.ts";
import { UserError } from "../../sandbox/report.ts";

/** A lock of Pulumi's file backend: who has taken it. Source: pkg/backend/diy/lock.go. */
interface Lock {
  readonly pid: number;
  readonly hostname: string;
}

/** Reads a lock file; undefined if its writer was cut off. */
function parseLock(text: string): Lock | undefined {
  try {
    const { pid, hostname } = JSON.parse(text);
    return Number.isInteger(pid) && typeof hostname === "string" ? { pid, hostname } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether whoever has taken a lock may still be at work: of a process on another host nothing can be known. */
function isHeld(lock: Lock): boolean {
  return lock.hostname !== hostname() || processName(lock.pid) === "pulumi";
}

/**
 * Removes the locks of a pulumi that was killed, which would keep every other one out.
 *
 * @param backend absolute path of the folder of the file backend
 * @returns a line for each lock that was removed
 * @throws UserError if the stack is locked by somebody who is at work
 */
export function clearLocks(backend: string, stack: string): readonly string[] {
  const folder = join(backend, ".pulumi/locks/organization/duet", stack);
  const files = existsSync(folder) ? readdirSync(folder).sort() : [];
  const locks = files
    // What a lock file has beside it goes with it.
    .filter((file) => !file.endsWith(".attrs"))
    .map((file) => ({ file: join(folder, file), lock: parseLock(readFileSync(join(folder, file), "utf8")) }));
  for (const { lock } of locks) {
    if (lock !== undefined && isHeld(lock)) {
      const where = lock.hostname === hostname() ? "" : ` on ${lock.hostname}`;
      throw new UserError(
        `cannot take stack ${stack}: it is locked by pulumi, pid ${lock.pid}${where}; wait for it, or do pulumi cancel --stack ${stack}`,
      );
    }
  }
  return locks.map(({ file, lock }) => {
    rmSync(file);
    rmSync(`${file}.attrs`, { force: true });
    return `stack ${stack} was locked by ${lock === undefined ? "a file without a pid" : `pulumi, pid ${lock.pid}, which is gone`}: lock removed`;
  });
}
