import { readFileSync, writeFileSync } from "node:fs";

/** How far something is. */
export interface Share {
  /** From 0 to 1. */
  readonly done: number;
  /** Seconds that are left. */
  readonly left: number;
}

/** How long something took when it was done last, and how many lines it printed. */
export interface Took {
  readonly seconds: number;
  readonly lines: number;
}

/** A line that tells how much there is to do, and those of which each is a part of it done. */
interface Measure {
  /** Its numbers are added up. */
  readonly total: RegExp;
  /** How many lines there are for each that is counted in the total. */
  readonly each: number;
  readonly part: RegExp;
}

const measures: readonly Measure[] = [
  // components/kernel/build.sh, and a line of make's for each object.
  { total: /^objects to make: (\d+)$/, each: 1, part: /^ {2}(?:CC|AS)\b.*\.o$/ },
  // apt-get, and dpkg below it: each package is unpacked, and set up.
  { total: /^(\d+) upgraded, (\d+) newly installed/, each: 2, part: /^(?:Unpacking|Setting up) / },
];

/** What git says of a clone: the other things that it counts take no time beside this one. */
const percent = /^Receiving objects: +(\d+)%/;

/** Less than that is not worth to be foretold. */
const shortest = 5;

/** Counts the lines of something that is at work. */
export class Counter {
  #lines = 0;
  #measure: Measure | undefined;
  #total = 0;
  #parts = 0;

  get lines(): number {
    return this.#lines;
  }

  count(line: string): void {
    this.#lines += 1;
    if (this.#measure?.part.test(line)) {
      this.#parts += 1;
    }
    const [, hundredths] = percent.exec(line) ?? [];
    if (hundredths !== undefined) {
      [this.#measure, this.#total, this.#parts] = [undefined, 100, Number(hundredths)];
    }
    for (const measure of measures) {
      const [, ...numbers] = measure.total.exec(line) ?? [];
      const total = numbers.reduce((sum, number) => sum + Number(number), 0);
      if (total > 0) {
        [this.#measure, this.#total, this.#parts] = [measure, total * measure.each, 0];
      }
    }
  }

  /**
   * How far it is, by what it has said of itself, or else by the last time. Undefined if neither tells.
   *
   * @param elapsed seconds since it began
   */
  share(elapsed: number, last: Took | undefined): Share | undefined {
    if (this.#total > 0) {
      return shareOf(this.#parts / this.#total, elapsed);
    }
    if (last === undefined || last.seconds < shortest) {
      return undefined;
    }
    // What prints a line for each thing that it does is measured by these: they do not hang on how fast the machine is.
    return shareOf(last.lines >= 50 ? this.#lines / last.lines : elapsed / last.seconds, elapsed, last.seconds);
  }
}

/** What is over what was to be expected is not known any more. */
function shareOf(done: number, elapsed: number, expected?: number): Share | undefined {
  if (done >= 1) {
    return undefined;
  }
  // The first objects of a kernel tell nothing of the others.
  const isEarly = done < 0.02 || elapsed < shortest;
  const left = isEarly ? expected && Math.max(0, expected - elapsed) : (elapsed * (1 - done)) / done;
  return left === undefined ? undefined : { done, left };
}

/** How long each thing took, as a file of the cache keeps it; what cannot be read is forgotten. */
export function readTimes(file: string): Map<string, Took> {
  try {
    return new Map(Object.entries<Took>(JSON.parse(readFileSync(file, "utf8"))));
  } catch {
    return new Map();
  }
}

export function keepTimes(file: string, times: ReadonlyMap<string, Took>): void {
  const long = [...times].filter(([, { seconds }]) => seconds >= shortest);
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(long))}\n`, { mode: 0o600 });
}
