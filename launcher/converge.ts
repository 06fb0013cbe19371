import { existsSync, rmSync, writeFileSync } from "node:fs";
import { getCompileCacheDir } from "node:module";
import { join } from "node:path";
import { progressVariable } from "../components/machine/step.ts";
import { removeUnused } from "../sandbox/cache.ts";
import { exclusive, holderOf } from "../sandbox/exclusive.ts";
import { UserError } from "../sandbox/report.ts";
import { type Pulumi, removeHalfAttributes } from "./backend.ts";
import { type Call, runMark, say, watcherName } from "./call.ts";
import { eventLog, explained } from "./causes.ts";
import { runsProgram, startCompanion } from "./companion/companion.ts";
import { nearlyFull } from "./disks.ts";
import { stackFolder } from "./environment.ts";
import { explanations } from "./explanations.ts";
import { withOptions } from "./invocation.ts";
import { showsProgress } from "./progress/asked.ts";
import type { Progress, ProgressArgs } from "./progress/progress.ts";
import { type Deployment, stands } from "./repair/deployment.ts";
import { endLeftovers } from "./repair/leftovers.ts";
import { clearLocks } from "./repair/locks.ts";
import { bringInOrder, removeOrphans, settlePending, survey } from "./repair/recover.ts";
import { takeBack } from "./repair/take-back.ts";
import { run } from "./run.ts";
import type { StackHost } from "./stack-host.ts";
import { cachedInUse, makeStackFolder, writing } from "./state.ts";

/** Runs pulumi for a stack, and gives its exit status. */
export async function runOn(host: StackHost, call: Call): Promise<number> {
  const { invocation, state, stack } = call;
  if (host.backend !== undefined) {
    removeHalfAttributes(host.backend, stack);
  }
  if (invocation.effect === "none") {
    return host.onState();
  }
  if (invocation.effect === "preview") {
    return host.look(() => converge(host, call));
  }
  const release = await turnAt(stack, stackFolder(state, stack));
  try {
    return await converge(host, call);
  } finally {
    release();
  }
}

/** Milliseconds for which an edit may be on its way into all guests. */
const patience = 600_000;

/** Holds the stack. The watcher of the module is waited for; whoever else works on it may be at it for an hour. */
async function turnAt(stack: string, folder: string): Promise<() => void> {
  const holder = await holderOf(folder);
  const isWatcher = holder?.startsWith(watcherName) === true;
  if (isWatcher) {
    say(`${holder}, brings an edit: this run waits for it`);
  }
  return exclusive(`stack ${stack}`, folder, isWatcher ? patience : 0);
}

/** The one sequence for every host: what a run that was cut off has left, then pulumi, then what is to be given back. */
async function converge(host: StackHost, call: Call): Promise<number> {
  const { invocation, state, stack } = call;
  const isRun = invocation.effect === "run";
  const isDestroy = isRun && invocation.command === "destroy";
  if (isRun) {
    (await endLeftovers(runMark(call))).forEach(say);
    if (host.backend !== undefined) {
      clearLocks(host.backend, stack).forEach(say);
    }
  }
  if (isDestroy && !host.isShared && !stands(host.deployment())) {
    return nothingStands(host, call);
  }
  if (isRun && invocation.command === "up") {
    const { cache, sources } = call;
    nearlyFull([cache, sources, ...(host.images === undefined ? [] : [host.images])]).forEach(say);
  }
  const pulumi = await host.pulumi();
  const options = await host.prepare(pulumi);
  const result = await between(host, call, pulumi, options);
  if (result !== 0) {
    (await endLeftovers(runMark(call))).forEach(say);
  }
  if (isRun && result === 0) {
    removeUnused(call.cache, inUse(call, pulumi), say);
  }
  if (isDestroy && result === 0 && !stands(host.deployment())) {
    takeBack(stackFolder(state, stack), host.enter, say);
    if (host.root !== undefined) {
      takeBack(host.root.folder, host.root.as, say);
    }
    await host.end();
  }
  return result;
}

/** What in the cache is in use: by this run, and by the stacks that stand. */
function inUse({ state }: Call, { program, environment }: Pulumi): readonly string[] {
  return [program, environment.PULUMI_HOME, getCompileCacheDir(), ...cachedInUse(state)].filter(
    (path) => path !== undefined,
  );
}

/** Marks a run as unfinished while it lasts, and runs pulumi once all is in order. */
async function between(host: StackHost, call: Call, pulumi: Pulumi, options: readonly string[]): Promise<number> {
  const { invocation, state, stack, words } = call;
  const isRun = invocation.effect === "run";
  const unfinished = join(stackFolder(state, stack), "unfinished");
  const wasCutOff = isRun && existsSync(unfinished);
  const events = eventLog(invocation);
  const shown = !host.asksLogin && showsProgress(invocation, words) ? events.file : undefined;
  const environment = { ...pulumi.environment, [progressVariable]: shown && "1" };
  const companion = runsProgram(invocation, words) ? startCompanion(host.enter, environment) : undefined;
  let progress: Progress | undefined;
  let result = 1;
  let ended: string | undefined;
  try {
    // A backend may be far away: it is asked beforehand only if that is needed.
    const isNeeded = host.backend !== undefined || wasCutOff || invocation.command === "destroy";
    const known = isNeeded ? host.deployment() : undefined;
    companion?.ask(known);
    if (repair(host, call, pulumi, known, wasCutOff)) {
      companion?.ask(host.deployment());
    }
    if (isRun && (invocation.command !== "destroy" || existsSync(stackFolder(state, stack)))) {
      makeStackFolder(state, stack);
      writing(state, () => writeFileSync(unfinished, ""));
    }
    const attachment = await companion?.attachment();
    const command = [
      ...host.enter,
      pulumi.program,
      ...withOptions(words, [...options, ...(attachment?.options ?? []), ...events.options]),
    ];
    if (shown !== undefined) {
      progress = await progressOf(call, { events: shown, known, isEnded: () => ended !== undefined });
    }
    result = await run(command, {
      environment: { ...environment, ...attachment?.environment, ...events.environment },
      directory: call.directory,
      hopeless: host.watch(),
      output: progress?.descriptor,
      say: progress === undefined ? say : (line) => progress?.say(`duet: ${line}`),
      onEnd: (why) => {
        ended ??= why;
      },
    });
    if (isRun && result === 0) {
      rmSync(unfinished, { force: true });
    }
  } finally {
    await companion?.end();
    // The last words on the screen are what is wrong.
    try {
      const log = progress?.end();
      if (log !== undefined) {
        say(`all that pulumi said is in ${log}`);
      }
      if (result !== 0) {
        const causes = () => explained(events.causes(), explanations(stackFolder(state, stack)));
        (ended === undefined ? causes() : [`${ended}; run it again, it goes on from here`]).forEach(say);
      }
    } finally {
      events.end();
    }
  }
  return result;
}

/** What is shown of a run: its events, of the stack's state as far as that is known, and whether it was told to end. */
interface Shown extends Pick<ProgressArgs, "events" | "isEnded"> {
  readonly known: Deployment | undefined;
}

/** The progress of a run, if its log can be written. */
async function progressOf(
  { invocation, stack, cache }: Call,
  { events, known, isEnded }: Shown,
): Promise<Progress | undefined> {
  const { startProgress } = await import("./progress/progress.ts");
  const [log, times] = [join(cache, "log", `${stack}-${invocation.command}.log`), join(cache, "times.json")];
  const standing = invocation.command === "destroy" ? (known?.resources ?? []).map(({ type }) => type) : [];
  try {
    return startProgress({ events, log, times, standing, output: process.stdout, isEnded });
  } catch (error) {
    say(`cannot write ${log}: ${(error as Error).message}; this run has pulumi's own display`);
    return undefined;
  }
}

/** Puts in order what a run that was cut off, or somebody else, has left. Gives whether there was anything to do. */
function repair(
  host: StackHost,
  call: Call,
  pulumi: Pulumi,
  known: Deployment | undefined,
  wasCutOff: boolean,
): boolean {
  let isRepaired = false;
  const tell = (line: string) => {
    isRepaired = true;
    say(line);
  };
  const isRun = call.invocation.effect === "run";
  if (isRun && (wasCutOff || known?.pending_operations?.length)) {
    settlePending(pulumi, tell);
  }
  // If the state cannot be read, nothing can be taken for an orphan; and a look at others' libvirt starts nothing there.
  if (host.isShared && (known === undefined || !isRun)) {
    return isRepaired;
  }
  const shared = { owner: host.owner?.(), hasName: host.hasName?.() };
  const place = { ...placeOf(host, call), ...shared, say: tell, isShared: host.isShared && !wasCutOff };
  const isThere = bringInOrder(place, pulumi, call.invocation, () => host.deployment() ?? known ?? {});
  if (!isThere && !host.isShared) {
    throw new UserError(`cannot reach libvirt of the embedded host at ${host.uri}: see its log, and run this again`);
  }
  return isRepaired;
}

function placeOf({ uri, enter }: StackHost, { stack }: Call) {
  return { stack, uri, enter, say };
}

/** Destroys what nothing is known of: what libvirt may have of it, and what is left in the state. */
async function nothingStands(host: StackHost, call: Call): Promise<number> {
  const { state, stack } = call;
  const place = placeOf(host, call);
  const found = survey(place, {});
  if (found !== undefined) {
    removeOrphans(place, found, {});
  }
  // What ran in a network that is gone has gone with it: what is left of a step is files.
  takeBack(stackFolder(state, stack), host.isThere() ? host.enter : [], say);
  say(`stack ${stack} does not stand: nothing to destroy`);
  await host.end();
  return 0;
}
