import type { FactsReader } from "../components/machine/facts.ts";
import { ask, type StepReading } from "./ask.ts";

/** Drift by step: what the step does, and in words each difference between its record and the facts. */
export type Drift = Readonly<Record<string, { readonly title: string; readonly differences: readonly string[] }>>;

/** What a machine said of itself. */
export interface Reading {
  readonly drift: Drift;
  /** Whether it has completed a step. One that has none is not the machine on which they ran. */
  readonly hasSteps: boolean;
  /** What its steps say that is no difference: `STEP: TEXT`. */
  readonly notes: readonly string[];
}

/** How a line of facts begins that is none. Source: components/machine/step.sh. */
const noteMark = "note: ";

/**
 * Asks a machine once for the facts of all of its steps.
 *
 * @throws Unreachable if the machine does not answer within a minute
 */
export async function readMachine(reader: FactsReader): Promise<Reading> {
  const readings = Object.entries(await ask(reader));
  const drifts = readings.map(
    ([name, reading]) => [name, { title: reading.title, differences: compare(reading) }] as const,
  );
  return {
    drift: Object.fromEntries(drifts.filter(([, { differences }]) => differences.length > 0)),
    hasSteps: readings.length > 0,
    notes: readings.flatMap(([name, { facts }]) =>
      facts.filter(isNote).map((line) => `${name}: ${line.slice(noteMark.length)}`),
    ),
  };
}

const isNote = (line: string): boolean => line.startsWith(noteMark);

/** Says in words how a reading differs from its record; nothing if it does not. */
function compare(reading: StepReading): readonly string[] {
  if (reading.record === undefined) {
    return ["was not completed on this machine"];
  }
  const expected = byKey(reading.record);
  const found = byKey(reading.facts.filter((line) => !isNote(line)));
  // A fact that says nothing says as much as one that is missing.
  const say = (facts: ReadonlyMap<string, string>, key: string): string => facts.get(key) || "none";
  return [...new Set([...expected.keys(), ...found.keys()])]
    .filter((key) => say(expected, key) !== say(found, key))
    .map((key) => `${key}: expected ${say(expected, key)}, found ${say(found, key)}`);
}

function byKey(facts: readonly string[]): Map<string, string> {
  const split = (line: string): [string, string] => {
    const at = line.indexOf(": ");
    return at < 0 ? [line, "yes"] : [line.slice(0, at), line.slice(at + 2)];
  };
  return new Map(facts.map(split));
}
