import { existsSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { exclusive } from "../sandbox/exclusive.ts";
import { hypervisorPackages, imagePackages, installPackages } from "../sandbox/packages.ts";
import { until } from "../sandbox/processes.ts";
import { reportTo, UserError } from "../sandbox/report.ts";
import { ask, backendFolder, mendAttributes, type Pulumi, pulumiEnvironment } from "./backend.ts";
import { type Call, runMark, say } from "./call.ts";
import { runsProgram, startCompanion } from "./companion.ts";
import { type Deployment, stands } from "./deployment.ts";
import { stackFolder } from "./environment.ts";
import { withOptions } from "./invocation.ts";
import { endLeftovers, runVariable } from "./leftovers.ts";
import { clearLocks } from "./locks.ts";
import { project } from "./project.ts";
import { bringInOrder, settlePending } from "./recover.ts";
import { run } from "./run.ts";
import { giveBack, makeStackFolder, writing } from "./state.ts";
import { takeBack } from "./take-back.ts";
import { virsh } from "./virsh.ts";

/** Runs pulumi for a stack on this machine's own libvirt, with the user's own backend, and gives its exit status. */
export async function runOnWorkstation(call: Call, uri: string): Promise<number> {
  const { effect } = call.invocation;
  const toolchain = await call.toolchain();
  const environment = {
    ...pulumiEnvironment(toolchain),
    PULUMI_STACK: call.qualifiedStack,
    [runVariable]: runMark(call),
  };
  const pulumi: Pulumi = { program: toolchain.pulumi, directory: project, environment };
  if (effect !== "none") {
    await requireLibvirt(uri, effect === "run" && call.invocation.command === "up");
  }
  if (effect === "run") {
    const release = await exclusive(`stack ${call.stack}`, stackFolder(call.state, call.stack));
    try {
      return await converge(call, pulumi, uri);
    } finally {
      release();
    }
  }
  return runPulumi(call, pulumi);
}

/** @param known the stack's state, where it has been asked for */
async function runPulumi(call: Call, pulumi: Pulumi, known?: Deployment): Promise<number> {
  const { environment } = pulumi;
  const companion = runsProgram(call.invocation, call.words) ? startCompanion([], environment) : undefined;
  companion?.ask(known);
  const attachment = await companion?.attachment();
  return run([pulumi.program, ...withOptions(call.words, attachment?.options ?? [])], {
    environment: { ...environment, ...attachment?.environment },
    directory: call.directory,
  }).finally(companion?.end);
}

/** Milliseconds that libvirt has to start after it was installed. */
const patience = 15_000;

/**
 * Makes sure that this machine's own libvirt answers: its provider looks for it before any step of the program has run.
 *
 * @param install whether packages may be installed. Source: guide, step 1.
 * @throws UserError which says what to do
 */
async function requireLibvirt(uri: string, install: boolean): Promise<void> {
  if (!uri.startsWith("qemu:///")) {
    return;
  }
  if (install) {
    await installPackages(reportTo("packages"), [...new Set([...hypervisorPackages, ...imagePackages])], true);
  }
  const answers = () => virsh(uri, ["uri"])?.status === 0;
  if (!(await until(install ? patience : 0, answers))) {
    const advice = virsh(uri, ["version"]) === undefined ? "`up` installs it" : "start it: systemctl start libvirtd";
    throw new UserError(`libvirt is to be used at ${uri}, and does not answer; ${advice}`);
  }
}

async function converge(call: Call, pulumi: Pulumi, uri: string): Promise<number> {
  const { state, stack } = call;
  const { environment } = pulumi;
  const folder = stackFolder(state, stack);
  const backend = backendFolder(process.env.PULUMI_BACKEND_URL, environment.PULUMI_HOME ?? "", homedir());
  (await endLeftovers(runMark(call))).forEach(say);
  if (backend !== undefined) {
    mendAttributes(backend, stack);
    clearLocks(backend, stack).forEach(say);
  }
  const isDestroy = call.invocation.command === "destroy";
  if (!isDestroy) {
    makeStackFolder(state, stack);
  }
  const unfinished = join(folder, "unfinished");
  const wasCutOff = existsSync(unfinished);
  if (wasCutOff) {
    settlePending(pulumi, say);
  }
  // A backend may be far away: it is asked beforehand only where that is needed.
  const known = wasCutOff || isDestroy || backend !== undefined ? deployment(pulumi) : undefined;
  // Where the state cannot be read, nothing can be taken for an orphan.
  if (known !== undefined) {
    const place = { stack, uri, enter: [], say, isShared: !wasCutOff };
    bringInOrder(place, pulumi, call.invocation, () => deployment(pulumi) ?? known);
  }
  if (existsSync(folder)) {
    writing(state, () => writeFileSync(unfinished, ""));
  }
  const result = await runPulumi(call, pulumi, known);
  if (result === 0) {
    rmSync(unfinished, { force: true });
  } else {
    (await endLeftovers(runMark(call))).forEach(say);
  }
  if (isDestroy && result === 0 && !stands(deployment(pulumi))) {
    takeBack(folder, [], say);
    await giveBack(state, stack);
  }
  return result;
}

function deployment(pulumi: Pulumi): Deployment | undefined {
  const exported = ask(pulumi, ["stack", "export"]);
  return exported === undefined ? undefined : JSON.parse(exported).deployment;
}
