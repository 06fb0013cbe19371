import { spawn } from "node:child_process";
import type { FactsOfStep, FactsReader } from "../components/machine/facts.ts";
import { lines, type Shell, sh } from "../components/machine/shell.ts";
import { recordFile } from "../components/machine/step.ts";

/** Drift of one step: a line in words for each difference between its record and the facts. */
export type Drift = Readonly<Record<string, readonly string[]>>;

/** The machine could not be asked at all. */
export class Unreachable extends Error {}

const stepMark = "\u0001step ";
const recordMark = "\u0001record ";
const endMark = "\u0001end";
/** Seconds that facts may take: a probe that hangs, as all do that look at a dead NFS server, is itself a finding. */
const factsLimit = 20;

/**
 * The bash which prints, for each step, its facts and then its record. One round trip for a whole machine, and all
 * probes at once. It starts no process but one shell a step: in a guest without KVM each costs 30 ms.
 */
export function readScript(
  reader: Pick<FactsReader, "records">,
  steps: Readonly<Record<string, FactsOfStep>>,
  limit = factsLimit,
): Shell {
  const probe = (index: number): Shell => ({ shell: `probe${index}` });
  const start = ([name, { facts }]: [string, FactsOfStep], index: number): Shell =>
    sh`exec {${probe(index)}}< <(record=${recordFile(reader.records, name)}; eval ${facts}); pids="$pids $!"`;
  const print = (name: string, index: number): Shell => {
    const record = recordFile(reader.records, name);
    // All have begun at once, and have as long together.
    const left = sh`$((SECONDS < ${limit} ? ${limit} - SECONDS : 1))`;
    return lines(
      sh`IFS= read -t ${left} -rd '' -u "$${probe(index)}" text; printf '%s\n' ${stepMark + name} "$text"`,
      sh`if [ -e ${record} ]; then IFS= read -rd '' text <${record}; printf '%s\n' ${`${recordMark}yes`} "$text"`,
      sh`else printf '%s\n' ${`${recordMark}no`}; fi`,
    );
  };
  return lines(
    sh`exec </dev/null 2>/dev/null`,
    ...Object.entries(steps).map(start),
    ...Object.keys(steps).map(print),
    sh`printf '%s\n' ${endMark}`,
    sh`kill $pids; exit 0`,
  );
}

interface Reading {
  readonly facts: readonly string[];
  /** Undefined where the step was never completed on this machine. */
  readonly record: readonly string[] | undefined;
}

/** Takes apart what `readScript` printed. */
export function parseReadings(output: string): Readonly<Record<string, Reading>> {
  const readings: Record<string, { facts: string[]; record: string[] | undefined }> = {};
  let lists = { facts: [] as string[], record: undefined as string[] | undefined };
  for (const line of output.split("\n")) {
    if (line.startsWith(stepMark)) {
      lists = { facts: [], record: undefined };
      readings[line.slice(stepMark.length)] = lists;
    } else if (line.startsWith(recordMark)) {
      lists.record = line === `${recordMark}yes` ? [] : undefined;
      if (lists.record === undefined) {
        lists = { facts: [], record: undefined };
      }
    } else if (line !== "" && line !== endMark) {
      (lists.record ?? lists.facts).push(line);
    }
  }
  return readings;
}

function byKey(facts: readonly string[]): Map<string, string> {
  const split = (line: string): [string, string] => {
    const at = line.indexOf(": ");
    return at < 0 ? [line, "yes"] : [line.slice(0, at), line.slice(at + 2)];
  };
  return new Map(facts.map(split));
}

/** Says in words where a reading differs from its record; nothing where it does not. */
export function compare(reading: Reading | undefined): readonly string[] {
  if (reading?.record === undefined) {
    return ["was not completed on this machine"];
  }
  const expected = byKey(reading.record);
  const found = byKey(reading.facts);
  // A fact that says nothing says as much as one that is missing.
  const say = (facts: ReadonlyMap<string, string>, key: string): string => facts.get(key) || "none";
  return [...new Set([...expected.keys(), ...found.keys()])]
    .filter((key) => say(expected, key) !== say(found, key))
    .map((key) => `${key}: expected ${say(expected, key)}, found ${say(found, key)}`);
}

/** The process groups of readings that are under way: nobody wants to know any more when this process ends. */
const underWay = new Set<number>();
process.on("exit", () => {
  for (const group of underWay) {
    process.kill(-group);
  }
});

function run([program = "", ...words]: readonly string[], limit: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"], timeout: limit * 1000, detached: true });
    const { pid } = child;
    if (pid !== undefined) {
      underWay.add(pid);
      child.on("exit", () => underWay.delete(pid));
    }
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", (error) => reject(new Unreachable(error.message)));
    child.on("close", (code) => {
      if (stdout.trimEnd().endsWith(endMark)) {
        resolve(stdout);
      } else {
        reject(new Unreachable(stderr.trim().split("\n").at(-1) || `ended with status ${code}`));
      }
    });
  });
}

/**
 * Asks a machine once for the facts of all steps.
 *
 * @returns the steps that have drifted, each with its differences
 * @throws Unreachable where the machine does not answer within a minute
 */
export async function readDrift(reader: FactsReader, steps: Readonly<Record<string, FactsOfStep>>): Promise<Drift> {
  const readings = parseReadings(await run([...reader.command, readScript(reader, steps).shell], 60));
  const drifts = Object.keys(steps).map((name): [string, readonly string[]] => [name, compare(readings[name])]);
  return Object.fromEntries(drifts.filter(([, differences]) => differences.length > 0));
}
