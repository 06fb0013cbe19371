import { created, diff } from "../../provider/facts.ts";
import type { Standing } from "../standing.ts";

/** What has drifted, as far as it is known. */
export interface Drift {
  /** When that was, or why it is not known. */
  readonly line: string;
  /** What a preview would say, a line each. */
  readonly lines: readonly string[];
}

/** Milliseconds after which the machines are asked anew. */
const interval = 60_000;

/** Asks the machines of a stack for the facts of their steps, as a preview does, and never while they are being asked. */
export class DriftReader {
  #found: Drift | undefined;
  #begun = Number.NEGATIVE_INFINITY;
  #isReading = false;
  /** Grows while something works on the stack: what was asked before then tells nothing any more. */
  #works = 0;

  /** Has them asked at the next look, whenever they were asked last. */
  hurry(): void {
    this.#begun = Number.NEGATIVE_INFINITY;
  }

  /**
   * What is known by now. Has the machines asked if that is due.
   *
   * @param isBusy whether something works on the stack: what it is at would be taken for drift
   */
  known(stack: Pick<Standing, "machines" | "enter">, isBusy: boolean): Drift {
    if (isBusy) {
      this.#found = undefined;
      this.#works += 1;
      this.hurry();
      return { line: "The machines are not asked while something works on the stack.", lines: [] };
    }
    if (!this.#isReading && performance.now() - this.#begun > interval) {
      void this.#read(stack);
    }
    return this.#found ?? { line: "The machines are being asked.", lines: [] };
  }

  async #read(stack: Pick<Standing, "machines" | "enter">): Promise<void> {
    const works = this.#works;
    this.#begun = performance.now();
    this.#isReading = true;
    const answers = await Promise.all(stack.machines.map((machine) => ask(machine, stack.enter)));
    this.#isReading = false;
    if (this.#works === works) {
      const time = new Date().toTimeString().slice(0, 8);
      const what = answers.some(({ hasDrifted }) => hasDrifted) ? "Found" : "Nothing has drifted";
      this.#found = { line: `${what}, as of ${time}.`, lines: answers.flatMap(({ lines }) => lines) };
    }
  }
}

/** What a machine says. A step may have something to say although nothing has drifted. */
interface Answer {
  readonly hasDrifted: boolean;
  readonly lines: readonly string[];
}

async function ask({ name, reader }: Standing["machines"][number], enter: Standing["enter"]): Promise<Answer> {
  // What a person does there must not wait for this.
  const inputs = { reader: { ...reader, command: [...enter, "nice", ...reader.command] } };
  try {
    const { changed, messages } = await diff(created(inputs), inputs);
    return { hasDrifted: changed.length > 0, lines: messages.map((message) => `${name}: ${message}`) };
  } catch (error) {
    return { hasDrifted: true, lines: [`${name}: cannot be asked: ${(error as Error).message}`] };
  }
}
