/**
 * `npm run watch`: each time that a file of the module is saved, it is built, loaded in all guests and proven, by the very
 * steps that `up` runs. Ends with Ctrl-C; what runs then is told to end, and leaves no guest stopped.
 *
 * Usage: npm run watch -- [--stack NAME] [--config-file SPEC]
 */
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { watch } from "chokidar";
import { neededStack } from "../ctl/stacks.ts";
import { watcherName } from "../launcher/call.ts";
import { bareName } from "../launcher/invocation.ts";
import { specFile } from "../launcher/project.ts";
import { exclusive } from "../sandbox/exclusive.ts";
import { entryPoint } from "../sandbox/report.ts";
import { Reloads } from "./reload.ts";
import { type LoopStack, loopStack } from "./stack.ts";
import { endSteps } from "./step.ts";

/** Milliseconds in which an editor has written all of a file, and of those that it saves with it. */
const settled = 50;
/** Milliseconds that an `up` is waited for. */
const patience = 3_600_000;

function say(line: string): void {
  console.log(`${new Date().toTimeString().slice(0, 8)} ${line}`);
}

/** Work that is done after events: never twice at a time, and once more if something came meanwhile. */
class Turns {
  readonly #work: (since: number) => Promise<void>;
  #since: number | undefined;
  #current: Promise<void> | undefined;
  #isOver = false;

  /** @param work gets when the first event came for which it was not called yet, as of performance.now() */
  constructor(work: (since: number) => Promise<void>) {
    this.#work = work;
  }

  event(): void {
    this.#since ??= performance.now();
    this.#current ??= this.#go();
  }

  /** Waits for the work at hand, after which there is none. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#current;
  }

  async #go(): Promise<void> {
    while (this.#since !== undefined && !this.#isOver) {
      await sleep(settled);
      const since = this.#since;
      this.#since = undefined;
      await this.#work(since);
    }
    this.#current = undefined;
  }
}

/** Whether nothing is to be waited for at the end. */
let isWaiting = false;

/** Neither does `up` come between the steps, nor this between those of an `up`. */
async function turnAt({ name, folder }: LoopStack): Promise<() => void> {
  const take = (patience: number) => exclusive(`stack ${name}`, folder, patience, watcherName);
  try {
    return await take(0);
  } catch (error) {
    say((error as Error).message);
    isWaiting = true;
    return await take(patience);
  } finally {
    isWaiting = false;
  }
}

async function bring(stack: LoopStack, reloads: Reloads, since: number): Promise<void> {
  let release = () => {};
  try {
    release = await turnAt(stack);
    await reloads.bring(since);
  } catch (error) {
    say((error as Error).message);
  } finally {
    release();
  }
}

await entryPoint("watch", async () => {
  const { values } = parseArgs({ options: { stack: { type: "string" }, "config-file": { type: "string" } } });
  const name = bareName(neededStack(values.stack, process.env));
  const stack = loopStack(name, values["config-file"] ?? specFile(name), process.env);
  const reloads = new Reloads(stack, say);
  const turns = new Turns((since) => bring(stack, reloads, since));
  const watcher = watch([...stack.trees], { ignoreInitial: true, ignored: /(?:^|\/)(?:\.git|\.tmp_\w*)(?:\/|$)/ });
  watcher.on("all", () => turns.event());
  watcher.on("ready", () => {
    const guests = stack.builds.flatMap((one) => one.guests.map(({ name }) => name));
    say(`watches ${stack.trees.join(" and ")} for ${guests.join(", ")}; Ctrl-C ends it`);
    // What was saved before is brought at once.
    turns.event();
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, async () => {
      endSteps();
      await watcher.close();
      if (!isWaiting) {
        await turns.end();
      }
      process.exit(128 + constants.signals[signal]);
    });
  }
});
