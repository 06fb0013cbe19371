import { join } from "node:path";
import { inside, start, status } from "../sandbox/host.ts";
import { installPackages } from "../sandbox/packages.ts";
import { type SandboxPaths, sandboxPathsFrom } from "../sandbox/paths.ts";
import { pidIn } from "../sandbox/processes.ts";
import { reportTo, UserError } from "../sandbox/report.ts";
import type { Pulumi } from "./backend.ts";
import { type Call, runMark, say } from "./call.ts";
import { runsProgram, startCompanion } from "./companion.ts";
import { stands } from "./deployment.ts";
import { checkpoint, end, pulumiOf, withState } from "./embedded-state.ts";
import { stackFolder } from "./environment.ts";
import { withOptions } from "./invocation.ts";
import { endLeftovers } from "./leftovers.ts";
import { clearLocks } from "./locks.ts";
import { bringInOrder, removeOrphans, settlePending, survey } from "./recover.ts";
import { run } from "./run.ts";
import { backendOf, makeBackend, makeStackFolder, stackConfiguration } from "./state.ts";
import { takeBack } from "./take-back.ts";

/** Runs a command that runs the program or talks to libvirt, on the embedded host, and gives its exit status. */
export async function converge(call: Call): Promise<number> {
  const { invocation, state, stack } = call;
  const paths = sandboxPathsFrom(process.env);
  const isRun = invocation.effect === "run";
  const isDestroy = isRun && invocation.command === "destroy";
  if (isRun) {
    (await endLeftovers(runMark(call))).forEach(say);
    clearLocks(backendOf(state), stack).forEach(say);
    if (isDestroy && !stands(checkpoint(call))) {
      return nothingStands(call, paths);
    }
  }
  const pulumi = await pulumiOf(call);
  await installPackages(reportTo("packages"));
  const configuration = await withState(call, async () => {
    makeStackFolder(state, stack);
    makeBackend(state);
    await start(paths, reportTo("sandbox"));
    return stackConfiguration(call.spec, state, stack, pulumi);
  });
  const result = await runPulumi(call, pulumi, paths, configuration);
  if (result !== 0) {
    (await endLeftovers(runMark(call))).forEach(say);
  }
  if (isDestroy && result === 0 && !stands(checkpoint(call))) {
    takeBack(stackFolder(state, stack), inside(paths, []), say);
    await end(call);
  }
  return result;
}

/** @param configuration absolute path of the stack's own copy of its spec */
async function runPulumi(call: Call, pulumi: Pulumi, paths: SandboxPaths, configuration: string): Promise<number> {
  const { invocation, words } = call;
  const enter = inside(paths, []);
  const companion = runsProgram(invocation, words) ? startCompanion(enter, pulumi.environment) : undefined;
  try {
    companion?.ask(checkpoint(call));
    if (mend(call, pulumi, paths)) {
      companion?.ask(checkpoint(call));
    }
    const attachment = await companion?.attachment();
    const options = ["--config-file", configuration, ...(attachment?.options ?? [])];
    return await run([...enter, pulumi.program, ...withOptions(words, options)], {
      environment: { ...pulumi.environment, ...attachment?.environment },
      directory: call.directory,
      hopeless: whenLibvirtdDies(paths),
    });
  } finally {
    await companion?.end();
  }
}

/** Puts in order what a run that was cut off, or somebody else, has left. Gives whether there was anything to do. */
function mend(call: Call, pulumi: Pulumi, paths: SandboxPaths): boolean {
  let isMended = false;
  const tell = (line: string) => {
    isMended = true;
    say(line);
  };
  if (call.invocation.effect === "run" && checkpoint(call)?.pending_operations?.length) {
    settlePending(pulumi, tell);
  }
  const place = { stack: call.stack, uri: paths.uri, enter: inside(paths, []), say: tell };
  if (!bringInOrder(place, pulumi, call.invocation, () => checkpoint(call) ?? {})) {
    throw new UserError(`libvirt of the embedded host does not answer at ${paths.uri}`);
  }
  return isMended;
}

/** Destroys what nothing is known of: what libvirt may have of it, and what is left in the state. */
async function nothingStands(call: Call, paths: SandboxPaths): Promise<number> {
  const { state, stack } = call;
  const { running } = await status(paths);
  const enter = running ? inside(paths, []) : [];
  const place = { stack, uri: paths.uri, enter, say };
  const found = running ? survey(place, {}) : undefined;
  if (found !== undefined) {
    removeOrphans(place, found, {});
  }
  takeBack(stackFolder(state, stack), enter, say);
  say(`stack ${stack} does not stand: nothing to destroy`);
  await end(call);
  return 0;
}

/** A provider whose libvirtd has died waits for its answer for ever. */
function whenLibvirtdDies(paths: SandboxPaths): () => string | undefined {
  const find = () => pidIn(join(paths.run, "libvirtd.pid"), "libvirtd");
  const pid = find();
  return () => (find() === pid ? undefined : `libvirtd, pid ${pid}, has died`);
}
