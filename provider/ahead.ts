import type { FactsOfStep, FactsReader } from "../components/machine/facts.ts";
import { type Drift, readDrift } from "./drift.ts";

/** What is to be read of one machine. */
export interface Question {
  readonly reader: FactsReader;
  readonly steps: Readonly<Record<string, FactsOfStep>>;
}

/** Milliseconds for which a reading holds. No guest reboots in less, and that is the least that an `up` does to one. */
const freshness = 2000;

interface Reading {
  readonly drift: Promise<Drift>;
  /** When it was done, on the clock of performance.now. */
  readonly done: Promise<number>;
}

/**
 * Readings that are begun before the engine asks for them, while pulumi and its program are still starting. Each is
 * used once, and only while it is fresh and nothing has drifted: what `up` repairs on one machine changes others.
 */
export class Ahead {
  readonly #readings = new Map<string, Reading>();

  /** Begins to ask all this, in the place of what was asked before. */
  begin(questions: readonly Question[]): void {
    this.#readings.clear();
    for (const question of questions) {
      const { reader, steps } = question;
      // What pulumi does meanwhile takes longer, and must not wait for this.
      const drift = readDrift({ ...reader, command: ["nice", ...reader.command] }, steps);
      const now = () => performance.now();
      this.#readings.set(keyOf(question), { drift, done: drift.then(now, now) });
    }
  }

  /** The drift of a machine, as `readDrift`, from the reading that was begun for just this question, or from a new one. */
  async read(question: Question): Promise<Drift> {
    const reading = this.#readings.get(keyOf(question));
    this.#readings.delete(keyOf(question));
    const isFresh = reading !== undefined && performance.now() - (await reading.done) < freshness;
    const drift = await (isFresh ? reading.drift : readDrift(question.reader, question.steps));
    if (Object.keys(drift).length > 0) {
      this.#readings.clear();
    }
    return drift;
  }
}

/** Tells questions apart; the engine keeps no order among properties. */
function keyOf({ reader, steps }: Question): string {
  const facts = Object.entries(steps).map(([name, step]) => [name, step.facts]);
  return JSON.stringify([reader.command, reader.records, facts.sort()]);
}
