import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processName } from "../sandbox/processes.ts";
import type { Invocation } from "./invocation.ts";
import { nameOf } from "./repair/deployment.ts";

/** What is added to a run of pulumi so that its causes can be told after it. */
export interface EventLog {
  /** Absolute path of the file of events; undefined if the command writes none. */
  readonly file: string | undefined;
  readonly options: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** The causes of a failure, a text each, in the order in which pulumi was told of them. Asked once pulumi has ended. */
  causes(): readonly string[];
  end(): void;
}

/** The commands that can write one. */
const logged = /^(?:up|preview|destroy|refresh)$/;

/** Files in memory: some events hold the keys of the guests, which go to no disk. Source: shm_overview(7). */
const memory = "/dev/shm";

/**
 * Has pulumi write its events, as its Automation API does: the option is there only for those who ask for all. For
 * its causes they are read after a failure only: most runs have thousands of lines, and nothing went wrong.
 */
export function eventLog({ command = "" }: Pick<Invocation, "command">): EventLog {
  if (!logged.test(command)) {
    return { file: undefined, options: [], environment: {}, causes: () => [], end: () => {} };
  }
  const place = existsSync(memory) ? memory : tmpdir();
  // Those of launchers that were killed.
  for (const name of readdirSync(place)) {
    const [, pid] = /^duet-events-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && processName(Number(pid)) === undefined) {
      rmSync(join(place, name), { recursive: true, force: true });
    }
  }
  const folder = mkdtempSync(join(place, `duet-events-${process.pid}-`));
  const file = join(folder, "events");
  writeFileSync(file, "", { mode: 0o600 });
  return {
    file,
    options: ["--event-log", file],
    environment: { PULUMI_DEBUG_COMMANDS: "true" },
    causes: () => [...new Set(readFileSync(file, "utf8").split("\n").flatMap(causeIn))],
    end: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/**
 * The causes of a failure, and what the steps of the stack know of its machines. If somebody else only lost a machine,
 * as a command does whose guest panics, what the steps know is the last word.
 */
export function explained(causes: readonly string[], known: readonly string[]): readonly string[] {
  return causes.every((cause) => cause.startsWith(foreign)) ? [...causes, ...known] : [...known, ...causes];
}

/** How a cause begins that is not in the words of this project. */
const foreign = "cannot do ";

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
  const lines = text.split("\n").map((line) => line.trim());
  const last = lines.at(-1) ?? "";
  const cause = last.startsWith("cannot ") ? last : `${foreign}${nameOf({ urn })}: ${last.replace(/^error: /, "")}`;
  // What a full disk breaks may not know why.
  const full = fullDisk.test(last) ? undefined : lines.find((line) => fullDisk.test(line));
  return [full === undefined ? cause : `${cause}; before that: ${full}`];
}

const fullDisk = /no space left on device|disk quota exceeded/i;

function diagnosticIn(line: string): Diagnostic | undefined {
  try {
    return JSON.parse(line).diagnosticEvent;
  } catch {
    return undefined;
  }
}
