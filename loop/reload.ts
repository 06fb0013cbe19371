import { resultIn } from "../components/machine/step.ts";
import { explanations } from "../launcher/explanations.ts";
import type { LoopGuest, LoopStack } from "./stack.ts";
import { type MachineStep, type Ran, runStep } from "./step.ts";

/** ssh's own status if it does not reach the machine, or loses it. Source: ssh(1), EXIT STATUS. */
const sshFailed = 255;

/** Whether the sources are other ones than when they were last brought: what make leaves there does not count. */
export async function hasEdits({ source, recordedSource }: LoopStack): Promise<boolean> {
  const recorded = recordedSource();
  return recorded === undefined || (await runStep(source, "facts")).stdout !== recorded;
}

/**
 * Brings an edit into all guests, by the steps that `up` would run, each of which records what it has done: the next
 * `up` finds nothing to do.
 *
 * @param say takes a line for the person at the terminal
 * @param since when the edit was saved, in milliseconds as of performance.now()
 */
export async function reload(stack: LoopStack, since: number, say: (line: string) => void): Promise<void> {
  for (const step of [stack.source, stack.build]) {
    const ran = await runStep(step, "create");
    if (ran.code !== 0) {
      tellFailure(stack, step, ran, say);
      return;
    }
  }
  await Promise.all(stack.guests.map((guest) => reloadIn(stack, guest, since, say)));
}

async function reloadIn(stack: LoopStack, guest: LoopGuest, since: number, say: (line: string) => void) {
  const loaded = await runStep(guest.load, "create");
  if (loaded.code !== 0) {
    tellFailure(stack, guest.load, loaded, say);
    return;
  }
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  say(
    `${guest.name}: build ${resultIn(loaded.stdout, "build-id").slice(0, 12)} is loaded, ${seconds} s after the edit`,
  );
  const proven = await runStep(guest.prove, "create");
  if (proven.code !== 0) {
    tellFailure(stack, guest.prove, proven, say);
  } else if (!/^address: /m.test(proven.stdout)) {
    // Somebody debugs there, and is told what to type.
    say(proven.last);
  }
}

function tellFailure({ folder }: LoopStack, step: MachineStep, { code, last }: Ran, say: (line: string) => void): void {
  const why = last === "" ? `ended with status ${code ?? "of a signal"}` : last;
  if (code !== sshFailed) {
    say(/^cannot /.test(why) ? why : `cannot ${step.what}: ${why}`);
    return;
  }
  explanations(folder).forEach(say);
  say(`cannot ${step.what}: it does not answer (${why}); run pulumi up, which brings it back`);
}
