import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { UserError } from "../../sandbox/report.ts";

/** How far a run has come that may take several sittings. */
export interface Noted {
  /** The commit of the code that was tried: what another one survives is another run. */
  readonly commit: string;
}

/** How far a run of the faults has come. */
export interface Progress extends Noted {
  readonly seed: number;
  /** Number of faults that were drawn in all, those that were struck with by now, and those of these that were survived. */
  readonly count: number;
  readonly struck: number;
  readonly survived: number;
}

/** The commit of this project, with a mark if its files are not those of the commit. */
export function commitHere(): string {
  const git = (...words: string[]) => execFileSync("git", words, { cwd: import.meta.dirname, encoding: "utf8" }).trim();
  const edited = git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":!/docs");
  return `${git("rev-parse", "HEAD")}${edited === "" ? "" : " and edits"}`;
}

/**
 * Reads where a run was stopped.
 *
 * @returns undefined if the file is not there: the run begins
 * @throws UserError if the file is of other code
 */
export function resumed<T extends Noted>(file: string, commit: string): T | undefined {
  if (!existsSync(file)) {
    return undefined;
  }
  const progress: T = JSON.parse(readFileSync(file, "utf8"));
  if (progress.commit !== commit) {
    throw new UserError(
      `cannot resume ${file}: it is of commit ${progress.commit}, and this is ${commit}; check that out, or remove the file`,
    );
  }
  return progress;
}

export function keepProgress(file: string, progress: Noted): void {
  writeFileSync(file, `${JSON.stringify(progress)}\n`);
}
