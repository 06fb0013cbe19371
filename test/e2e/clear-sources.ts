import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { processName } from "../../sandbox/processes.ts";
import { UserError } from "../../sandbox/report.ts";

/** The configuration that a process was started with, if it is an NFS server of an embedded host. */
function configurationOf(pid: number): string | undefined {
  if (processName(pid) !== "ganesha.nfsd") {
    return undefined;
  }
  const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  const file = words[words.indexOf("-f") + 1] ?? "";
  return existsSync(file) ? file : undefined;
}

/**
 * Removes the sources that a run which was cut off has left, and what it had edited in them: a kernel that was made to
 * hang would be built and booted by the next stack, as a developer's edits are. What was built stays.
 *
 * @param directory absolute path of the directory that hosts and guests share; it may lack
 * @param state absolute path of the folder of the state of whoever is about to use it, whose server may be at work
 * @throws UserError if the NFS server of another stack exports the directory
 */
export function clearSources(directory: string, state: string): void {
  for (const pid of readdirSync("/proc").map(Number)) {
    const file = pid > 0 ? configurationOf(pid) : undefined;
    if (file !== undefined && !file.startsWith(`${state}/`) && readFileSync(file, "utf8").includes(directory)) {
      throw new UserError(
        `cannot use ${directory}: another stack under test exports it, by ganesha.nfsd, pid ${pid}, with ${file}; destroy that stack first`,
      );
    }
  }
  const left = existsSync(directory) ? readdirSync(directory) : [];
  for (const name of left.filter((name) => name !== "build")) {
    rmSync(join(directory, name), { recursive: true });
  }
}
