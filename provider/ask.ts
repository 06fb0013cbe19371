import { spawn } from "node:child_process";
import type { FactsReader } from "../components/machine/facts.ts";
import { scriptText } from "../components/machine/script-text.ts";

/** The machine could not be asked at all. */
export class Unreachable extends Error {}

const stepMark = "\u0001step ";
const titleMark = "\u0001title ";
const recordMark = "\u0001record";
const endMark = "\u0001end";

/** What a machine says of one step. */
export interface StepReading {
  /** What the step does. Empty if its facts were not read to their end. */
  readonly title: string;
  readonly facts: readonly string[];
  /** Undefined if its last run was cut off. */
  readonly record: readonly string[] | undefined;
}

/** What a machine says of the steps that it has completed, by step. */
export type Readings = Readonly<Record<string, StepReading>>;

/**
 * Asks a machine once about all of its steps, which begin at once and have as long together.
 *
 * @param limit seconds that facts may take. One that hangs, as all do that look at a dead NFS server, is itself a
 *   finding: it is read as far as it has come. Defaults to 20.
 * @throws Unreachable if the machine does not answer within a minute
 */
export async function ask({ command, records }: FactsReader, limit = 20): Promise<Readings> {
  const script = scriptText(import.meta.url, "ask.sh", { folder: records, limit });
  return parse(await run([...command, script], 60));
}

/** Takes apart what ask.sh printed. */
function parse(output: string): Readings {
  interface Growing {
    title: string;
    readonly facts: string[];
    record: string[] | undefined;
  }
  const begin = (): Growing => ({ title: "", facts: [], record: undefined });
  const readings: Record<string, Growing> = {};
  let reading = begin();
  for (const line of output.split("\n")) {
    if (line.startsWith(stepMark)) {
      reading = begin();
      readings[line.slice(stepMark.length)] = reading;
    } else if (line.startsWith(titleMark)) {
      reading.title = line.slice(titleMark.length);
    } else if (line === recordMark) {
      reading.record = [];
    } else if (line !== "" && line !== endMark) {
      (reading.record ?? reading.facts).push(line);
    }
  }
  return readings;
}

/** The process groups of readings that are under way: nobody wants to know any more when this process ends. */
const underWay = new Set<number>();
process.on("exit", () => {
  for (const group of underWay) {
    process.kill(-group);
  }
});

function run([program = "", ...words]: readonly string[], limit: number): Promise<string> {
  const { PATH, HOME, XDG_RUNTIME_DIR } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: limit * 1000,
      detached: true,
      // What facts get of a caller's environment: another language would be another fact.
      env: { PATH, HOME, XDG_RUNTIME_DIR, LC_ALL: "C" },
    });
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
