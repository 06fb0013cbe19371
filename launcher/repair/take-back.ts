import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { UserError } from "../../sandbox/report.ts";
import { keptSteps } from "../kept-steps.ts";

/** Milliseconds that a step may take to be taken back: one may wait for another stack's work on a shared tree. */
const limit = 3_700_000;

/**
 * Takes back what Pulumi knows nothing of, the newest first: it forgets a step whose first run failed, or was
 * interrupted. Called once all that it knows of is destroyed.
 *
 * @param folder absolute path of the stack's folder in the state
 * @param enter words before a command that enter the stack's network
 * @param say takes a line for each step
 * @throws UserError if that fails; the next `destroy` goes on from there
 */
export function takeBack(folder: string, enter: readonly string[], say: (line: string) => void): void {
  const steps = keptSteps(folder)
    .map((step) => ({ ...step, time: statSync(step.file).mtimeMs }))
    .sort((one, other) => other.time - one.time);
  for (const { name: step, file } of steps) {
    const [program = "bash", ...words] = [...enter, "bash", file, "delete"];
    const ran = spawnSync(program, words, { encoding: "utf8", timeout: limit, cwd: "/" });
    if (ran.status !== 0) {
      const why = ran.error?.message ?? ran.stderr.trim().split("\n").at(-1);
      throw new UserError(
        `cannot take back step ${step}, which was begun and never done: ${why}; repair that, and run destroy again`,
      );
    }
    say(`step ${step} was begun and never done: taken back`);
  }
}
