import { type Doing, doingTo } from "../doing.ts";
import { look } from "../look.ts";
import { draw } from "../picture/drawing.ts";
import { type Picture, pictureOf } from "../picture/model.ts";
import { report } from "../report.ts";
import type { Standing } from "../standing.ts";
import { type Drift, DriftReader } from "./drift.ts";

/** What the page is told after a look. */
interface Seen {
  readonly title: string;
  /** When it was, as people write it. */
  readonly time: string;
  /** An element `svg`. */
  readonly picture: string;
  /** What `duetctl status` prints. */
  readonly status: string;
  readonly doing: Pick<Doing, "line" | "log">;
  readonly drift: Drift;
}

/** The page is told that instead, if there is nothing to look at. */
interface Problem {
  readonly time: string;
  readonly problem: string;
}

/** Milliseconds for which a state is taken as it was read: a backend of the user's own may be far away. */
const freshness = 30_000;

/** Looks at a stack for the page. */
export class Viewer {
  readonly drift = new DriftReader();
  readonly #readAgain: () => Promise<Standing>;
  readonly #cache: string;
  #stack: Standing;
  #read = performance.now();
  #who: string | undefined;
  #drawn: { readonly of: string; readonly svg: string } | undefined;

  /**
   * @param readAgain reads the stack's state as it is then
   * @param cache absolute path of the user's cache
   */
  constructor(stack: Standing, readAgain: () => Promise<Standing>, cache: string) {
    this.#stack = stack;
    this.#readAgain = readAgain;
    this.#cache = cache;
  }

  /** Looks once. @returns JSON for the page */
  async look(): Promise<string> {
    try {
      return JSON.stringify(await this.#see());
    } catch (error) {
      // Whatever it is, it may be over at the next look.
      const problem: Problem = { time: now(), problem: (error as Error).message };
      return JSON.stringify(problem);
    }
  }

  async #see(): Promise<Seen> {
    const { who, ...doing } = await doingTo(this.#stack, this.#cache);
    const stack = await this.#current(who);
    const guests = await look(stack);
    return {
      title: `${stack.name} - duetctl status`,
      time: now(),
      picture: await this.#draw(pictureOf(stack, guests)),
      status: report(stack, guests, new Date()),
      doing,
      drift: this.drift.known(stack, who !== undefined),
    };
  }

  /** The stack as its state has it: read anew from time to time, and when somebody begins or ends to work on it. */
  async #current(who: string | undefined): Promise<Standing> {
    if (who !== this.#who || performance.now() - this.#read > freshness) {
      // If it cannot be read now, it is the next time.
      this.#read = Number.NEGATIVE_INFINITY;
      this.#stack = await this.#readAgain();
      this.#read = performance.now();
      this.#who = who;
    }
    return this.#stack;
  }

  async #draw(picture: Picture): Promise<string> {
    const of = JSON.stringify(picture);
    if (this.#drawn?.of !== of) {
      this.#drawn = { of, svg: await draw(picture) };
    }
    return this.#drawn.svg;
  }
}

const now = (): string => new Date().toTimeString().slice(0, 8);
