import { type ChildProcess, spawn } from "node:child_process";

/** A step that a machine has kept. */
export interface MachineStep {
  /** What is done, in the words of a message. */
  readonly what: string;
  /** Words that run bash on its machine, whose own words follow. */
  readonly bash: readonly string[];
  /** Absolute path of its file there. */
  readonly file: string;
}

/** What became of a run of a step. */
export interface Ran {
  /** The exit status; undefined if a signal ended it. */
  readonly code: number | undefined;
  readonly stdout: string;
  /** The last line that it wrote to standard error, which is what is wrong. */
  readonly last: string;
}

const underWay = new Set<ChildProcess>();
let isOver = false;

/** Runs a step as `up` does. It ends with this process, which a step across ssh learns from its connection. */
export function runStep({ bash, file }: MachineStep, verb: "create" | "facts"): Promise<Ran> {
  if (isOver) {
    return Promise.resolve({ code: undefined, stdout: "", last: "interrupted" });
  }
  const [program = "", ...words] = [...bash, file, verb];
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"], cwd: "/" });
  underWay.add(child);
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    // Of a build that prints for minutes the end counts.
    stderr = (stderr + text).slice(-10_000);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      underWay.delete(child);
      resolve({ code: code ?? undefined, stdout, last: stderr.trimEnd().split("\n").at(-1) ?? "" });
    });
  });
}

/** Tells the steps that run to end, which put their machines in order before they do; none begins after that. */
export function endSteps(): void {
  isOver = true;
  for (const child of underWay) {
    child.kill("SIGTERM");
  }
}
