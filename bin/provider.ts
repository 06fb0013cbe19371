import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Deployment } from "./deployment.ts";
import { project } from "./project.ts";

/** The project's own provider, started before pulumi, which attaches to it: so both start at the same time. */
export interface Provider {
  /** Has it ask the machines of a stack for their facts, while pulumi and the program start. */
  ask(deployment: Deployment | undefined): void;
  /** What pulumi has to have in its environment: where the provider listens. Nothing where it has not started. */
  environment(): Promise<NodeJS.ProcessEnv>;
  /** Ends it, and comes back when it has ended. Harmless when repeated. */
  end(): Promise<void>;
}

/** Starts the provider. @param enter words before a command that enter the network in which pulumi is to run */
export function startProvider(enter: readonly string[], environment: NodeJS.ProcessEnv): Provider {
  const [program = "", ...words] = [...enter, process.execPath, join(project, "provider/main.ts")];
  const child = spawn(program, words, { env: environment, stdio: ["pipe", "pipe", "inherit"] });
  const port = Promise.race([
    once(createInterface({ input: child.stdout }), "line").then(([line]) => String(line)),
    // pulumi starts one of its own then.
    once(child, "error").then(() => undefined),
    once(child, "exit").then(() => undefined),
  ]).catch(() => undefined);
  const ended = new Promise<void>((resolve) => {
    child.on("exit", () => resolve()).on("error", () => resolve());
  });
  child.stdin.on("error", () => {});
  return {
    ask: (deployment) => child.stdin.write(`${JSON.stringify(questions(deployment))}\n`),
    environment: async () => {
      const listening = await port;
      const others = environment.PULUMI_DEBUG_PROVIDERS;
      return listening === undefined
        ? {}
        : { PULUMI_DEBUG_PROVIDERS: [`duet:${listening}`, ...(others ? [others] : [])].join(",") };
    },
    end: () => {
      child.kill();
      return ended;
    },
  };
}

/** What the last `up` asked each machine. */
function questions(deployment: Deployment | undefined): readonly object[] {
  return (deployment?.resources ?? []).flatMap(({ type, inputs }) =>
    type === "duet:machine:Facts" && inputs !== undefined ? [{ reader: inputs.reader, steps: inputs.steps }] : [],
  );
}
