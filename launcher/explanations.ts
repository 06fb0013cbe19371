import { spawnSync } from "node:child_process";
import { keptSteps } from "./kept-steps.ts";

/** Milliseconds for one step, which waits for the report of a crash: components/crash/report.sh. */
const limit = 450_000;

/**
 * What the steps of a stack know of its machines if a run has failed: a line each, such as a guest's panic, which the
 * steps that were at work in it do not see.
 *
 * @param folder absolute path of the stack's folder in the state
 */
export function explanations(folder: string): readonly string[] {
  return keptSteps(folder).flatMap(({ file }) => {
    // One that cannot say anything, as those of earlier versions, is no news.
    const ran = spawnSync("bash", [file, "explain"], { encoding: "utf8", timeout: limit, cwd: "/" });
    return ran.status === 0 ? ran.stdout.split("\n").filter((line) => line !== "") : [];
  });
}
