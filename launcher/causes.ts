import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Invocation } from "./invocation.ts";
import { nameOf } from "./repair/deployment.ts";

/** What is added to a run of pulumi so that its causes can be told after it. */
export interface EventLog {
  readonly options: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** The causes of a failure, a text each, in the order in which pulumi was told of them. */
  causes(): readonly string[];
  /** Removes it: it holds the inputs of every resource. */
  remove(): void;
}

/** The commands that can write one. */
const logged = /^(?:up|preview|destroy|refresh)$/;

/** Has pulumi write its events, as its Automation API does: the option is there only for those who ask for all. */
export function eventLog({ command = "" }: Pick<Invocation, "command">): EventLog {
  if (!logged.test(command)) {
    return { options: [], environment: {}, causes: () => [], remove: () => {} };
  }
  const folder = mkdtempSync(join(tmpdir(), "duet-events-"));
  const file = join(folder, "events");
  return {
    options: ["--event-log", file],
    environment: { PULUMI_DEBUG_COMMANDS: "true" },
    causes: () => causesIn(existsSync(file) ? readFileSync(file, "utf8") : ""),
    remove: () => rmSync(folder, { recursive: true, force: true }),
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
 * The causes in an event log. Of what a command or a provider said the last line is the cause: the others stand above,
 * in pulumi's own report. What the program itself says is one text.
 *
 * @param log a JSON object a line; the last one may be cut off
 */
function causesIn(log: string): readonly string[] {
  const causes = log.split("\n").flatMap((line) => {
    const { urn = "", message, severity, ephemeral } = diagnosticIn(line) ?? { message: "", severity: "" };
    const text = message.replaceAll(/<\{%.*?%\}>/g, "").trim();
    if (severity !== "error" || ephemeral || text === "" || verdict.test(text)) {
      return [];
    }
    if (urn === "" || urn.includes("::pulumi:pulumi:Stack::")) {
      return [text];
    }
    const last = text.split("\n").at(-1)?.trim() ?? "";
    return [last.startsWith("cannot ") ? last : `cannot do ${nameOf({ urn })}: ${last.replace(/^error: /, "")}`];
  });
  return [...new Set(causes)];
}

function diagnosticIn(line: string): Diagnostic | undefined {
  try {
    return JSON.parse(line).diagnosticEvent;
  } catch {
    return undefined;
  }
}
