import type { FactsReader } from "../components/machine/facts.ts";
import { type Reading, readMachine } from "./drift.ts";

/** Milliseconds for which a reading is valid: nothing that `up` does changes a guest faster. */
const freshness = 2000;

interface Begun {
  readonly reading: Promise<Reading>;
  /** When it was done, on the clock of performance.now. */
  readonly done: Promise<number>;
}

/**
 * Readings that are begun before the engine asks for them, while pulumi and its program are still starting. Each is
 * used once, and only while it is fresh and nothing has drifted: what `up` repairs on one machine changes others.
 */
export class Ahead {
  readonly #begun = new Map<string, Begun>();

  /** Begins to ask all these machines, in the place of those before. */
  begin(readers: readonly FactsReader[]): void {
    this.#begun.clear();
    for (const reader of readers) {
      // What pulumi does meanwhile takes longer, and must not wait for this.
      const reading = readMachine({ ...reader, command: ["nice", ...reader.command] });
      const now = () => performance.now();
      this.#begun.set(keyOf(reader), { reading, done: reading.then(now, now) });
    }
  }

  /** As `readMachine`, from the reading that was begun for this machine, or from a new one. */
  async read(reader: FactsReader): Promise<Reading> {
    const begun = this.#begun.get(keyOf(reader));
    this.#begun.delete(keyOf(reader));
    const isFresh = begun !== undefined && performance.now() - (await begun.done) < freshness;
    const reading = await (isFresh ? begun.reading : readMachine(reader));
    if (Object.keys(reading.drift).length > 0 || !reading.hasSteps) {
      this.#begun.clear();
    }
    return reading;
  }
}

function keyOf({ command, records }: FactsReader): string {
  return JSON.stringify([command, records]);
}
