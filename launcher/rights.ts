import { spawn, spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { titleIn } from "../components/machine/step.ts";
import { UserError } from "../sandbox/report.ts";
import { ask, type Pulumi } from "./backend.ts";
import { type Deployment, nameOf } from "./repair/deployment.ts";
import { asRoot } from "./root.ts";

/** Milliseconds after which sudo is told that its caller is still there: it forgets after five minutes or more. */
const freshness = 60_000;

/** The title of a step that root is to run. */
function titleOf(create: unknown): readonly string[] {
  const isRoots = typeof create === "string" && create.includes(asRoot.slice(0, 2).join(" "));
  return isRoots ? [titleIn(create) ?? ""] : [];
}

/** What root is to do in an `up`, as a preview says it. Nothing if the preview fails: then `up` will say why. */
export function workOfUp(pulumi: Pulumi, options: readonly string[]): readonly string[] {
  const text = ask(pulumi, ["preview", "--json", ...options]);
  try {
    const { steps = [] } = JSON.parse(text ?? "{}");
    return steps.flatMap(({ op, newState }: { op: string; newState?: { inputs?: { create?: unknown } } }) =>
      op === "same" ? [] : titleOf(newState?.inputs?.create),
    );
  } catch {
    return [];
  }
}

/** What root is to do in a `destroy`: to take its steps back. */
export function workOfDestroy(deployment: Deployment | undefined): readonly string[] {
  return (deployment?.resources ?? []).flatMap((resource) =>
    titleOf(resource.inputs?.create).length > 0 ? [`take back ${nameOf(resource)}`] : [],
  );
}

/**
 * Makes sure that sudo runs commands of this person without asking, for as long as this process is there.
 *
 * @param work what root is to do; asked only if sudo would ask
 * @throws UserError, after all of the work was said, if there is nobody to ask
 */
export function obtainRights(work: () => readonly string[], say: (line: string) => void): void {
  if (!isGranted()) {
    const list = work();
    if (list.length === 0) {
      return;
    }
    say(`these steps need root, and go through sudo: ${list.join(", ")}`);
    if (process.env.SUDO_ASKPASS === undefined && !asked()) {
      throw new UserError("cannot become root: sudo has no terminal to ask at; do sudo -v at one, or set SUDO_ASKPASS");
    }
  }
  setInterval(() => spawn("sudo", ["-n", "-v"], { stdio: "ignore" }).on("error", () => {}), freshness).unref();
}

function isGranted(): boolean {
  return spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status === 0;
}

/** Asks at the terminal. @throws UserError if sudo does not let this person */
function asked(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r+"));
  } catch {
    return false;
  }
  if (spawnSync("sudo", ["-v"], { stdio: "inherit" }).status !== 0) {
    throw new UserError("cannot become root: sudo does not let you; ask the owner of this machine, or run as root");
  }
  return true;
}
