import { execFileSync } from "node:child_process";
import { constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { Invocation } from "./invocation.ts";
import { nameOf } from "./repair/deployment.ts";

/** What is added to a run of pulumi so that its causes can be told after it. */
export interface EventLog {
  readonly options: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** The causes of a failure, a text each, in the order in which pulumi was told of them. Asked once pulumi has ended. */
  causes(): Promise<readonly string[]>;
  end(): void;
}

/** The commands that can write one. */
const logged = /^(?:up|preview|destroy|refresh)$/;

/**
 * Has pulumi write its events, as its Automation API does: the option is there only for those who ask for all. They go
 * through a FIFO and are on no disk, as some of them hold the keys of the guests.
 */
export function eventLog({ command = "" }: Pick<Invocation, "command">): EventLog {
  if (!logged.test(command)) {
    return { options: [], environment: {}, causes: async () => [], end: () => {} };
  }
  const folder = mkdtempSync(join(tmpdir(), "duet-events-"));
  const fifo = join(folder, "events");
  execFileSync("mkfifo", ["-m", "600", fifo]);
  // For both, or its end would come before pulumi has opened it.
  const events = new Socket({ fd: openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK), readable: true });
  const causes: string[] = [];
  createInterface({ input: events }).on("line", (line) => causes.push(...causeIn(line)));
  return {
    options: ["--event-log", fifo],
    environment: { PULUMI_DEBUG_COMMANDS: "true" },
    causes: async () => {
      // What pulumi has written last is still on its way.
      await sleep(100);
      return [...new Set(causes)];
    },
    end: () => {
      events.destroy();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Diagnostic {
  readonly urn?: string;
  readonly message: string;
  readonly severity: string;
  readonly ephemeral?: boolean;
}

/** Pulumi's own last word, which is no cause. */
const verdict = /^(?:update|preview|destroy|refresh|import) (?:failed|canceled)$/;

/**
 * The cause in an event, if it is one. Of what a command or a provider said the last line is the cause: the others stand
 * above, in pulumi's own report. What the program itself says is one text.
 *
 * @param line a JSON object
 */
function causeIn(line: string): readonly string[] {
  // Most are of what goes well, and some are large.
  const event = line.includes('"severity":"error"') ? diagnosticIn(line) : undefined;
  const text = event?.message.replaceAll(/<\{%.*?%\}>/g, "").trim() ?? "";
  if (event?.severity !== "error" || event.ephemeral || text === "" || verdict.test(text)) {
    return [];
  }
  const { urn = "" } = event;
  if (urn === "" || urn.includes("::pulumi:pulumi:Stack::")) {
    return [text];
  }
  const last = text.split("\n").at(-1)?.trim() ?? "";
  return [last.startsWith("cannot ") ? last : `cannot do ${nameOf({ urn })}: ${last.replace(/^error: /, "")}`];
}

function diagnosticIn(line: string): Diagnostic | undefined {
  try {
    return JSON.parse(line).diagnosticEvent;
  } catch {
    return undefined;
  }
}
