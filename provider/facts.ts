import { setTimeout as sleep } from "node:timers/promises";
import type { FactsReader } from "../components/machine/facts.ts";
import { Unreachable } from "./ask.ts";
import { type Reading, readMachine } from "./drift.ts";

/** Inputs of the resource `duet:machine:Facts`; the reader is undefined at a preview that cannot know it yet. */
export interface FactsInputs {
  readonly reader?: FactsReader;
}

/** Its outputs. */
export interface FactsState extends FactsInputs {
  readonly generations: Readonly<Record<string, number>>;
  readonly epoch: number;
}

/** What a diff found, for the engine and for the person who reads the preview. */
export interface Finding {
  /** Paths of the properties that change. */
  readonly changed: readonly string[];
  readonly messages: readonly string[];
}

/** The new state before any machine is asked. */
export function created(inputs: FactsInputs): FactsState {
  return { ...inputs, generations: {}, epoch: 1 };
}

/** A machine that has none of the steps has lost them all, or is another one: then each of them runs again. */
function raised({ generations, epoch = 1 }: FactsState, { drift, hasSteps }: Reading) {
  const next = Object.keys(drift).map((name) => [name, (generations[name] ?? 1) + 1]);
  return { generations: { ...generations, ...Object.fromEntries(next) }, epoch: hasSteps ? epoch : epoch + 1 };
}

/**
 * Compares the machine with the records of its steps, and the inputs with the last ones.
 *
 * @param read how a machine is asked. Defaults to asking it now.
 */
export async function diff(
  old: FactsState,
  inputs: FactsInputs,
  read: (reader: FactsReader) => Promise<Reading> = readMachine,
): Promise<Finding> {
  const { reader } = inputs;
  if (reader === undefined) {
    return { changed: ["reader"], messages: [] };
  }
  const changed = isSame(old.reader, reader) ? [] : ["reader"];
  try {
    const { drift, hasSteps, notes } = await read(reader);
    const words = Object.entries(drift).map(
      ([name, { title, differences }]) => `${name} (${title || "unknown"}) has drifted: ${differences.join("; ")}`,
    );
    return {
      changed: [...changed, ...(hasSteps ? [] : ["epoch"]), ...Object.keys(drift).map((name) => `generations.${name}`)],
      messages: hasSteps
        ? [...words, ...notes]
        : [`none of its steps is on record in ${reader.records}: all of them run again`],
    };
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

/** The engine keeps no order among properties. */
function isSame(one: FactsReader | undefined, other: FactsReader): boolean {
  const key = (reader: FactsReader) => JSON.stringify([reader.command, reader.records, reader.timeout]);
  return one !== undefined && key(one) === key(other);
}

/** The new state after a drift. A preview of a machine that does not answer keeps the generations as they are. */
export async function updated(old: FactsState, inputs: FactsInputs, preview: boolean): Promise<FactsState> {
  const { generations, epoch = 1 } = old;
  const reader = inputs.reader;
  if (reader === undefined) {
    return { ...inputs, generations, epoch };
  }
  const deadline = Date.now() + (preview ? 0 : reader.timeout * 1000);
  for (;;) {
    try {
      return { ...inputs, ...raised(old, await readMachine(reader)) };
    } catch (error) {
      if (!(error instanceof Unreachable)) {
        throw error;
      }
      if (preview) {
        return { ...inputs, generations, epoch };
      }
      if (Date.now() > deadline) {
        throw new Error(
          `cannot read the facts of the machine: it did not answer for ${reader.timeout} s: ${error.message}`,
        );
      }
      await sleep(2000);
    }
  }
}
