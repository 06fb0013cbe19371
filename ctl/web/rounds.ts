import { setTimeout as sleep } from "node:timers/promises";

/** Looks from time to time while somebody watches, one look after the other, and tells what was seen to all of them. */
export class Rounds {
  readonly #look: () => Promise<string>;
  readonly #pause: number;
  readonly #watchers = new Set<(seen: string) => void>();
  #seen: string | undefined;
  #looking: Promise<string> | undefined;
  #round: Promise<void> | undefined;

  /** @param pause milliseconds from the end of a look to the next one */
  constructor(look: () => Promise<string>, pause: number) {
    this.#look = look;
    this.#pause = pause;
  }

  /**
   * Tells somebody what is seen from now on, and what was seen last, unless nobody has watched since.
   *
   * @returns what ends that
   */
  watch(tell: (seen: string) => void): () => void {
    this.#watchers.add(tell);
    if (this.#seen !== undefined) {
      tell(this.#seen);
    }
    this.#round ??= this.#go();
    return () => this.#watchers.delete(tell);
  }

  /** Tells nobody any more, and waits for the look that is under way. */
  async end(): Promise<void> {
    this.#watchers.clear();
    await this.#looking;
  }

  async #go(): Promise<void> {
    while (this.#watchers.size > 0) {
      this.#looking = this.#look();
      this.#seen = await this.#looking;
      for (const tell of this.#watchers) {
        tell(this.#seen);
      }
      await sleep(this.#pause, undefined, { ref: false });
    }
    this.#seen = undefined;
    this.#round = undefined;
  }
}
