/** `npm run faults`: an environment of its own, and what may befall it, at random. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { hostAccelerator } from "../../sandbox/accelerator.ts";
import { requireRoot } from "../../sandbox/host.ts";
import { entryPoint, UserError } from "../../sandbox/report.ts";
import { checkAll } from "../e2e/checks.ts";
import type { Snapshot } from "../e2e/snapshot.ts";
import { TestStack } from "../e2e/stack.ts";
import { machineBefore, takeDown } from "../e2e/take-down.ts";
import { say } from "../support/say.ts";
import { draw, Random } from "./draw.ts";
import { faults } from "./list.ts";
import { type FaultOptions, faultOptions, replayCommand, usage } from "./options.ts";
import { commitHere, keepProgress, type Progress, resumed } from "./progress.ts";
import { type Outcome, type Place, survive } from "./run.ts";
import { tablePage } from "./table.ts";

/** Brings the environment back after a fault that it did not survive. @returns whether that worked. */
async function recover(stack: TestStack): Promise<boolean> {
  for (const isAnew of [false, true]) {
    try {
      if (isAnew) {
        say("  destroy, and bring it up again");
        await stack.run("destroy");
      }
      await stack.run("up");
      await checkAll(stack);
      return true;
    } catch (error) {
      say(`  ${(error as Error).message}`);
    }
  }
  return false;
}

/** Writes the table of what has happened so far: a long run may be cut off. */
function writeTable(options: FaultOptions, outcomes: readonly Outcome[]): void {
  if (options.table !== undefined) {
    const machine = `${availableParallelism()} processors, guests under ${hostAccelerator().toUpperCase()}`;
    const names = faults.map(({ name }) => name);
    const earlier = existsSync(options.table) ? readFileSync(options.table, "utf8") : "";
    writeFileSync(options.table, tablePage(names, outcomes, { machine, earlier }));
  }
}

/** @returns how far it has come, with what an earlier sitting of the same run has */
async function strike(options: FaultOptions, begun: Progress, stack: TestStack, before: Snapshot): Promise<Progress> {
  const outcomes: Outcome[] = [];
  let progress = begun;
  for (const [index, { drawn, seed }] of draw(options.from, begun.count, begun.seed).entries()) {
    if (index < begun.struck) {
      continue;
    }
    say(`${index + 1} of ${begun.count}: ${drawn.name}`);
    const guest = stack.guestNames[0] ?? "";
    const place: Place = { stack, guest, random: new Random(seed), before, say: (line) => say(`  ${line}`) };
    const outcome = await survive(drawn, place, checkAll);
    outcomes.push(outcome);
    writeTable(options, outcomes);
    const survived = progress.survived + (outcome.problem === undefined ? 1 : 0);
    progress = { ...progress, struck: index + 1, survived };
    if (options.resume !== undefined) {
      keepProgress(options.resume, progress);
    }
    const { preview, up } = outcome.seconds;
    say(`  ${outcome.problem ?? `survived: preview ${preview?.toFixed()} s, up ${up?.toFixed()} s`}`);
    if (outcome.problem !== undefined && !(await recover(stack))) {
      say("the environment does not come back: the rest of the faults is left out");
      break;
    }
  }
  return progress;
}

await entryPoint("faults", async () => {
  const words = process.argv.slice(2);
  if (words.some((word) => word === "--help" || word === "-h")) {
    console.log(usage);
    return;
  }
  const options = ((): FaultOptions => {
    try {
      return faultOptions(words);
    } catch (error) {
      throw new UserError(`${(error as Error).message}; see npm run faults -- --help`);
    }
  })();
  if (options.list) {
    console.log(faults.map(({ name, cheap }) => (cheap ? `${name} (cheap)` : name)).join("\n"));
    return;
  }
  requireRoot("make an environment of its own");
  const state = join(tmpdir(), "duet-faults");
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const stack = new TestStack({
    name: "faults",
    vms: [{ name: "one", memory: 768 }],
    environment: { ...process.env, XDG_STATE_HOME: state },
    log: `${state}.log`,
  });
  const commit = commitHere();
  const { seed, count } = options;
  const earlier = options.resume === undefined ? undefined : resumed<Progress>(options.resume, commit);
  let progress: Progress = earlier ?? { commit, seed, count, struck: 0, survived: 0 };
  console.log(`seed ${progress.seed}; the same again: ${replayCommand({ ...options, ...progress })}`);
  console.log(`log: ${state}.log`);
  writeFileSync(`${state}.log`, "", { mode: 0o600 });
  stack.writeSpec();
  const before = await machineBefore(state);
  let isClean = true;
  try {
    say("bring an environment up");
    await stack.run("up");
    await checkAll(stack);
    progress = await strike(options, progress, stack, before);
  } catch (error) {
    say(`the environment did not come up: ${(error as Error).message}`);
  }
  if (!options.keep) {
    isClean = await takeDown(stack, state, before, say).catch((error: Error) => {
      say(error.message);
      return false;
    });
  }
  console.log(`survived ${progress.survived} of ${progress.count}`);
  process.exitCode = progress.survived === progress.count && isClean ? 0 : 1;
});
