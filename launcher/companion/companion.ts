import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Invocation, optionsIn } from "../invocation.ts";
import { project } from "../project.ts";
import { type Deployment, machinesIn } from "../repair/deployment.ts";

/**
 * A process beside pulumi, which has the program and the provider of the facts ready when pulumi wants them, and which
 * reads the facts meanwhile. Without it pulumi starts both by itself, one after the other.
 */
export interface Companion {
  /** Has it ask the machines of a stack for their facts, in the place of what it was told before. */
  ask(deployment: Deployment | undefined): void;
  /** The options and the environment with which pulumi attaches to it. None if it has not started. */
  attachment(): Promise<Attachment>;
  /** Ends it, and comes back when it has ended. Harmless when repeated. */
  end(): Promise<void>;
}

export interface Attachment {
  readonly options: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** It ends after seconds of work: what it makes need not be collected before, and optimising its code does not pay. */
const flags = [
  "--max-semi-space-size=256",
  "--min-semi-space-size=256",
  "--single-threaded-gc",
  "--no-opt",
  "--no-maglev",
];

/** Whether a command runs the program, and leaves it to the launcher how. */
export function runsProgram({ command }: Invocation, words: readonly string[]): boolean {
  const isOwn = optionsIn(words).some(({ name }) => /^(?:client|remote|attach-debugger|debug|d)$/.test(name));
  return (command === "up" || command === "preview") && !isOwn;
}

/**
 * Starts it.
 *
 * @param enter words before a command that enter the network in which pulumi is to run
 * @param environment that of pulumi
 */
export function startCompanion(enter: readonly string[], environment: NodeJS.ProcessEnv): Companion {
  const script = join(import.meta.dirname, "companion-process.ts");
  const [program = "", ...words] = [...enter, process.execPath, ...flags, script];
  const child = spawn(program, words, {
    cwd: project,
    env: { ...environment, PWD: project },
    stdio: ["pipe", "pipe", "inherit"],
    // A Ctrl-C is pulumi's to handle, which cancels in order only while the program and the provider are there.
    detached: true,
  });
  const port = Promise.race([
    once(createInterface({ input: child.stdout }), "line").then(([line]) => String(line)),
    once(child, "error").then(() => undefined),
    once(child, "exit").then(() => undefined),
  ]).catch(() => undefined);
  const ended = new Promise<void>((resolve) => {
    child.on("exit", () => resolve()).on("error", () => resolve());
  });
  child.stdin.on("error", () => {});
  return {
    ask: (deployment) => {
      const readers = machinesIn(deployment?.resources ?? []).map(({ reader }) => reader);
      child.stdin.write(`${JSON.stringify(readers)}\n`);
    },
    attachment: async () => {
      const listening = await port;
      return listening === undefined ? { options: [], environment: {} } : attachmentAt(listening, environment);
    },
    end: () => {
      child.stdin.end();
      return ended;
    },
  };
}

function attachmentAt(port: string, { PULUMI_DEBUG_PROVIDERS: others }: NodeJS.ProcessEnv): Attachment {
  return {
    options: ["--client", `127.0.0.1:${port}`],
    environment: { PULUMI_DEBUG_PROVIDERS: [`duet:${port}`, ...(others ? [others] : [])].join(",") },
  };
}
