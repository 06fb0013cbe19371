import { readdirSync, readFileSync } from "node:fs";
import { end, processName } from "../../sandbox/processes.ts";

/** The variable by which all processes of one run are known, whatever becomes of their parents. */
export const runVariable = "DUET_RUN";

/** What a step has started for the stack: it outlives every run. */
const daemons = /^(?:ganesha\.nfsd|ssh)$/;

/** Seconds that pulumi has for putting its state in order. */
const grace = 20;

/** A process that a run has left behind. */
interface Leftover {
  readonly pid: number;
  readonly name: string;
}

/** Whether an environment, as /proc/PID/environ has it, is that of a process of the run. */
function isOfRun(environment: string, run: string): boolean {
  return environment.split("\0").includes(`${runVariable}=${run}`);
}

/** The processes of a run which has no launcher any more. */
function leftovers(run: string): readonly Leftover[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid && isOfRun(environmentOf(pid), run))
    .flatMap((pid) => {
      const name = processName(pid);
      return name === undefined || daemons.test(name) ? [] : [{ pid, name }];
    });
}

/**
 * Ends what a run that was killed has left behind: plugins live on without their engine, and go on with what they were
 * told, beside the next run. pulumi itself goes first, and in order.
 *
 * @returns a line which says what was ended; none if nothing was
 */
export async function endLeftovers(run: string): Promise<readonly string[]> {
  const found = leftovers(run);
  if (found.length === 0) {
    return [];
  }
  await end(
    found.flatMap(({ pid, name }) => (name === "pulumi" ? [pid] : [])),
    grace * 1000,
  );
  await end(leftovers(run).map(({ pid }) => pid));
  const named = found.map(({ pid, name }) => `${name} (pid ${pid})`).join(", ");
  return [`a run that was cut off had left ${named}: ended`];
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    return "";
  }
}
