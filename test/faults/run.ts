import { type Change, changes, drifts, isUnchanged, problem } from "../e2e/pulumi-output.ts";
import type { Snapshot } from "../e2e/snapshot.ts";
import type { TestStack } from "../e2e/stack.ts";
import type { Random } from "./draw.ts";

/** Where a fault strikes. */
export interface Place {
  readonly stack: TestStack;
  /** Name of the guest. */
  readonly guest: string;
  readonly random: Random;
  /** The machine before the stack was there: what a destroy has to give back. */
  readonly before: Snapshot;
  /** Tells the person at the terminal what is done. */
  say(line: string): void;
}

/** What a preview is to say of a fault. */
export interface Words {
  /** By the name of each step that has drifted, how: nothing else may be named. */
  readonly drifts: Readonly<Record<string, RegExp>>;
  /** What may be named besides: steps whose work is out of sight, and what depends on an unknown. Defaults to none. */
  readonly besides?: readonly string[];
}

/** An `up` that cannot do its work until something outside of it changes. */
export interface Refusal {
  /** What pulumi is to say, among its errors. */
  words(place: Place): RegExp;
  /** Seconds within which it has to end. */
  readonly within: number;
  /** What else has to hold once it has ended. */
  verify?(place: Place): Promise<unknown>;
  /** Takes away what stood in the way. Harmless when repeated. */
  relieve(place: Place): Promise<unknown>;
}

/** Something that befalls an environment. */
export interface Fault {
  /** In a few words: "mount gone". */
  readonly name: string;
  /** Whether it is over soon: no guest boots, and nothing big is built. */
  readonly cheap: boolean;
  /** Does it. */
  apply(place: Place): Promise<unknown>;
  /** What preview says then. Undefined if it cannot know. */
  words?(guest: string): Words;
  readonly refusal?: Refusal;
  /** What goes on while `up` repairs. */
  meanwhile?(place: Place): Promise<unknown>;
  /** What the `up` that repairs says. */
  says?(place: Place): RegExp;
  /** What else has to hold once it is repaired. */
  verify?(place: Place): Promise<unknown>;
  /** Takes away what the fault itself has left. Harmless when repeated. */
  restore?(place: Place): Promise<unknown>;
}

/** How a fault went. */
export interface Outcome {
  readonly fault: string;
  /** Why it was not survived, in a line; undefined if it was. */
  readonly problem: string | undefined;
  /** What preview said, and what `up` then changed, as far as it came to that. */
  readonly said: readonly string[];
  readonly done: readonly Change[];
  /** Wall time of each in seconds. */
  readonly seconds: { readonly preview?: number; readonly up?: number };
}

/** How a guest is told whose module had not lived for long when the fault cut it off: it is true of any such fault. */
const isOnProbation = /module: expected loaded, found not loaded, since it did not live for long after its last load/;

/** What is wrong with a preview, or undefined if it tells the truth and the whole of it. */
export function misnamed(words: Words, preview: string): string | undefined {
  const named = new Map(drifts(preview).map((drift) => [drift.step, drift.words]));
  for (const [step, expected] of Object.entries(words.drifts)) {
    const found = named.get(step);
    if (found === undefined) {
      return `preview does not name ${step}, which has drifted`;
    }
    if (!expected.test(found)) {
      return `preview says of ${step}: ${JSON.stringify(found)}, expected ${expected}`;
    }
  }
  const untrue = [...named].find(
    ([step, said]) => !(step in words.drifts) && !words.besides?.includes(step) && !isOnProbation.test(said),
  );
  if (untrue !== undefined) {
    return `preview says that ${untrue[0]} has drifted, which it has not: ${untrue[1]}`;
  }
  const isNothing = Object.keys(words.drifts).length === 0;
  return isNothing && !isUnchanged(preview) ? "preview announces a change, and nothing has drifted" : undefined;
}

/** What is changed of libvirt's, and not by a step. */
function ofLibvirt(output: string): readonly Change[] {
  return changes(output).filter(({ type }) => type.startsWith("libvirt:"));
}

/** What a preview says, for a table: the words of each drift, and what else it would change beside the steps. */
function summary(preview: string): readonly string[] {
  return [
    ...drifts(preview).map(({ step, words }) => `${step}: ${words}`),
    ...ofLibvirt(preview).map(({ type, name, operation }) => `${type} ${name}: ${operation}`),
  ];
}

/** What `up` did to libvirt and its preview had not said, or the other way round; undefined if they agree. */
export function disagreement(preview: string, up: string, besides: readonly string[] = []): string | undefined {
  const names = (output: string) => {
    const all = ofLibvirt(output).map(({ name }) => name);
    return (
      [...new Set(all)]
        .filter((name) => !besides.includes(name))
        .sort()
        .join(", ") || "nothing"
    );
  };
  const [announced, done] = [names(preview), names(up)];
  return announced === done ? undefined : `preview would change ${announced} of libvirt's, and up changed ${done}`;
}

/**
 * Applies a fault, and sees whether the environment comes back from it: preview names it, `up` repairs it, every check
 * holds, and another `up` changes nothing.
 *
 * @param check the checks of the whole environment
 */
export async function survive(
  fault: Fault,
  place: Place,
  check: (stack: TestStack) => Promise<void>,
): Promise<Outcome> {
  const { stack } = place;
  const outcome: { said: readonly string[]; done: readonly Change[]; seconds: { preview?: number; up?: number } } = {
    said: [],
    done: [],
    seconds: {},
  };
  try {
    await fault.apply(place);
    const preview = await stack.run("preview");
    outcome.seconds.preview = preview.seconds;
    outcome.said = summary(preview.output);
    const words = fault.words?.(place.guest);
    const wrong = words && misnamed(words, preview.output);
    if (wrong !== undefined) {
      throw new Error(wrong);
    }
    if (fault.refusal !== undefined) {
      await refuses(fault.refusal, place);
    }
    const [up] = await Promise.all([stack.run("up"), fault.meanwhile?.(place)]);
    outcome.seconds.up = up.seconds;
    outcome.done = changes(up.output);
    const unlike =
      words && fault.refusal === undefined ? disagreement(preview.output, up.output, words.besides) : undefined;
    if (unlike !== undefined) {
      throw new Error(unlike);
    }
    const told = fault.says?.(place);
    if (told !== undefined && !told.test(up.output)) {
      throw new Error(`up was to say ${told}, and says: ${problem(up.output)}`);
    }
    await fault.verify?.(place);
    await check(stack);
    await fault.restore?.(place);
    await stack.stays();
    return { fault: fault.name, problem: undefined, ...outcome };
  } catch (error) {
    const line = String((error as Error).message).replaceAll(/\s*\n\s*/g, "; ");
    return { fault: fault.name, problem: line, ...outcome };
  } finally {
    await fault.refusal?.relieve(place).catch(() => {});
    await fault.restore?.(place).catch(() => {});
  }
}

/** Runs an `up` that is to end in time with a clear line, and takes away its reason. */
async function refuses({ words, within, verify, relieve }: Refusal, place: Place): Promise<void> {
  const { code, output, seconds } = await place.stack.attempt("up");
  if (code === 0) {
    throw new Error(`up was to fail with ${words(place)}, and did not`);
  }
  if (!words(place).test(problem(output))) {
    throw new Error(`up was to say ${words(place)}, and says: ${problem(output)}`);
  }
  if (seconds > within) {
    throw new Error(`up was to end within ${within} s with its error, and took ${seconds.toFixed()} s`);
  }
  await verify?.(place);
  await relieve(place);
}
