import { resultIn } from "../components/machine/step.ts";
import { explanations } from "../launcher/explanations.ts";
import type { LoopGuest, LoopStack } from "./stack.ts";
import { type MachineStep, type Ran, runStep } from "./step.ts";

/** ssh's own status if it does not reach the machine, or loses it. Source: ssh(1), EXIT STATUS. */
const sshFailed = 255;

/** Brings edits into the guests of a stack. */
export class Reloads {
  readonly #stack: LoopStack;
  readonly #say: (line: string) => void;
  /** The facts of the sources that were brought last, whatever became of them: they are not tried again until edited. */
  #brought: string | undefined;

  /** @param say takes a line for the person at the terminal */
  constructor(stack: LoopStack, say: (line: string) => void) {
    this.#stack = stack;
    this.#say = say;
  }

  /**
   * Brings what was edited into all guests, by the steps that `up` would run, each of which records what it has done: the
   * next `up` finds nothing to do. What make leaves in the sources is no edit.
   *
   * @param since when the edit was saved, in milliseconds as of performance.now()
   */
  async bring(since: number): Promise<void> {
    const { source, builds, sourceRecord } = this.#stack;
    const { code, stdout } = await runStep(source, "facts");
    if (code !== 0 || stdout === (sourceRecord.read() ?? this.#brought) || !(await this.#does(source))) {
      return;
    }
    // Until it is loaded everywhere the next `up` has to bring it too, also if this process is killed meanwhile.
    this.#brought = sourceRecord.read();
    sourceRecord.forget();
    const have: boolean[] = [];
    // One after the other: each takes all processors.
    for (const { build, guests } of builds) {
      const isBuilt = await this.#does(build);
      have.push(isBuilt, ...(isBuilt ? await Promise.all(guests.map((guest) => this.#reload(guest, since))) : []));
    }
    if (have.every((has) => has) && this.#brought !== undefined) {
      sourceRecord.write(this.#brought);
    }
  }

  async #does(step: MachineStep): Promise<boolean> {
    const ran = await runStep(step, "create");
    if (ran.code !== 0) {
      tellFailure(this.#stack, step, ran, this.#say);
    }
    return ran.code === 0;
  }

  /** @returns whether the guest has it */
  async #reload({ name, load, prove }: LoopGuest, since: number): Promise<boolean> {
    const loaded = await runStep(load, "create");
    if (loaded.code !== 0) {
      tellFailure(this.#stack, load, loaded, this.#say);
      return false;
    }
    const seconds = ((performance.now() - since) / 1000).toFixed(1);
    const build = resultIn(loaded.stdout, "build-id").slice(0, 12);
    this.#say(`${name}: build ${build} is loaded, ${seconds} s after the edit`);
    const proven = await runStep(prove, "create");
    if (proven.code !== 0) {
      tellFailure(this.#stack, prove, proven, this.#say);
    } else if (!/^address: /m.test(proven.stdout)) {
      // Somebody debugs there, and is told what to type.
      this.#say(proven.last);
    }
    return proven.code === 0;
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
