import { setTimeout as sleep } from "node:timers/promises";
import type { FactsOfStep, FactsReader } from "../components/machine/facts.ts";
import type { Question } from "./ahead.ts";
import { type Drift, readDrift, Unreachable } from "./drift.ts";

/** Inputs of the resource `duet:machine:Facts`; the reader is undefined at a preview that cannot know it yet. */
export interface FactsInputs {
  readonly reader?: FactsReader;
  readonly steps: Readonly<Record<string, FactsOfStep>>;
}

/** Its outputs. */
export interface FactsState extends FactsInputs {
  readonly generations: Readonly<Record<string, number>>;
}

/** What a diff found, for the engine and for the person who reads the preview. */
export interface Finding {
  /** Paths of the properties that change. */
  readonly changed: readonly string[];
  readonly messages: readonly string[];
}

function generations(old: FactsState | undefined, inputs: FactsInputs, drift: Drift): FactsState["generations"] {
  const next = (name: string): number => (old?.generations[name] ?? 0) + (name in drift ? 1 : 0);
  return Object.fromEntries(Object.keys(inputs.steps).map((name) => [name, Math.max(next(name), 1)]));
}

/** Steps that stood in the last `up` too: a new one has no drift, it is about to be made. */
function known(old: FactsState, inputs: FactsInputs): FactsInputs["steps"] {
  return Object.fromEntries(Object.entries(inputs.steps).filter(([name]) => name in old.generations));
}

/** The new state before any machine is asked. */
export function created(inputs: FactsInputs): FactsState {
  return { ...inputs, generations: generations(undefined, inputs, {}) };
}

/**
 * Compares the machine with the records of its steps, and the inputs with the last ones.
 *
 * @param read how a machine is asked. Defaults to asking it now.
 */
export async function diff(
  old: FactsState,
  inputs: FactsInputs,
  read: (question: Question) => Promise<Drift> = ({ reader, steps }) => readDrift(reader, steps),
): Promise<Finding> {
  const { reader } = inputs;
  if (reader === undefined) {
    return { changed: ["reader"], messages: [] };
  }
  const changed = JSON.stringify([old.reader, old.steps]) === JSON.stringify([reader, inputs.steps]) ? [] : ["steps"];
  try {
    const drift = await read({ reader, steps: known(old, inputs) });
    const words = Object.entries(drift).map(
      ([name, differences]) => `${name} (${inputs.steps[name]?.title}) has drifted: ${differences.join("; ")}`,
    );
    return { changed: [...changed, ...Object.keys(drift).map((name) => `generations.${name}`)], messages: words };
  } catch (error) {
    if (!(error instanceof Unreachable)) {
      throw error;
    }
    return {
      changed: ["reader"],
      messages: [`does not answer (${error.message}); its steps are checked once it does`],
    };
  }
}

/** The new state after a drift. A preview of a machine that does not answer keeps the generations as they are. */
export async function updated(old: FactsState, inputs: FactsInputs, preview: boolean): Promise<FactsState> {
  const reader = inputs.reader;
  if (reader === undefined) {
    return { ...inputs, generations: old.generations };
  }
  const deadline = Date.now() + (preview ? 0 : reader.timeout * 1000);
  for (;;) {
    try {
      return { ...inputs, generations: generations(old, inputs, await readDrift(reader, known(old, inputs))) };
    } catch (error) {
      if (!(error instanceof Unreachable)) {
        throw error;
      }
      if (preview) {
        return { ...inputs, generations: generations(old, inputs, {}) };
      }
      if (Date.now() > deadline) {
        throw new Error(
          `the machine was asked for its facts for ${reader.timeout} s and did not answer: ${error.message}`,
        );
      }
      await sleep(2000);
    }
  }
}
