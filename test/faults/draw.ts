/** Numbers that follow from a seed, so that a run can be had again. Source: mulberry32, a public-domain generator. */
export class Random {
  #state: number;

  /** @param seed a whole number of 32 bits */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number of 32 bits. */
  bits(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A number from the lowest to the highest, less than that. */
  between(lowest: number, highest: number): number {
    return lowest + (this.bits() / 2 ** 32) * (highest - lowest);
  }

  /** One of several. @throws if there is none. */
  pick<T>(all: readonly T[]): T {
    const picked = all[Math.floor(this.between(0, all.length))];
    if (picked === undefined) {
      throw new Error("one of nothing was to be picked");
    }
    return picked;
  }

  shuffled<T>(all: readonly T[]): T[] {
    const cards = [...all];
    for (let last = cards.length - 1; last > 0; last--) {
      const other = Math.floor(this.between(0, last + 1));
      [cards[last], cards[other]] = [cards[other] as T, cards[last] as T];
    }
    return cards;
  }
}

/** One thing that was drawn, and the seed of whatever is random in it. */
export interface Draw<T> {
  readonly drawn: T;
  readonly seed: number;
}

/** Draws as from a deck: each once in a random order, and then from all of them again. */
export function draw<T>(all: readonly T[], count: number, seed: number): readonly Draw<T>[] {
  const random = new Random(seed);
  const draws: Draw<T>[] = [];
  while (all.length > 0 && draws.length < count) {
    for (const drawn of random.shuffled(all).slice(0, count - draws.length)) {
      draws.push({ drawn, seed: random.bits() });
    }
  }
  return draws;
}
