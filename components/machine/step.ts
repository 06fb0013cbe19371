import type * as pulumi from "@pulumi/pulumi";
import { lines, type Shell, sh } from "./shell.ts";

/** A command that knows its drift. */
export interface StepArgs {
  /** What the step does, in the words of a message: "mount the sources". */
  readonly title: string;
  /** Bash that brings the machine to the state wanted, from any state. Runs under `set -euo pipefail`. */
  readonly create: pulumi.Input<Shell>;
  /**
   * Read-only bash, known before anything runs, which prints a line `key: value` for each fact that the step
   * establishes. Finds the path of the last record in `$record`. It is recorded once `create` has succeeded; a later difference is drift, and runs `create` again.
   * Defaults to none: then the drift is that the step was never completed on this machine.
   */
  readonly facts?: Shell;
  /** Bash that gives back what `create` took. Defaults to nothing. */
  readonly delete?: pulumi.Input<Shell>;
  /** Standard input of `create`: where a secret goes, which no process list may show. */
  readonly stdin?: pulumi.Input<string>;
  /**
   * Words of the ssh command that reaches the machine, for a step that cannot run there since it has the machine reboot:
   * `create` runs on the machine on which Pulumi runs then. Defaults to none.
   */
  readonly across?: pulumi.Input<readonly string[]>;
  /** Whether the output may hold a secret: it is kept from the log, and secret in the state. Defaults to false. */
  readonly secretOutput?: boolean;
}

/** What a step leaves to the steps after it. */
export interface Step {
  /** What `create` printed, trimmed. */
  readonly stdout: pulumi.Output<string>;
  /** The resource, for `dependsOn`. */
  readonly resource: pulumi.Resource;
}

/** The record of one step: a file with its facts at the time when it succeeded. */
export function recordFile(records: string, step: string): string {
  return `${records}/${step}`;
}

/** How the name ends of the file beside a record with the bash that takes the step back. */
export const undoSuffix = ".undo";

/** What a step is made of, once all of it is known. */
export interface StepScripts {
  readonly create: Shell;
  readonly facts: Shell;
  /** Its `deleteScript`, to be kept where Pulumi runs: a guest goes with all that is in it. */
  readonly undo?: Shell | undefined;
  /** The words of `across`. */
  readonly across?: readonly string[] | undefined;
}

/**
 * The bash of a step: the record is dropped first and written last, so that a step which was cut off anywhere is
 * known to be incomplete. The generation changes the text of the command, and with it makes Pulumi run it again.
 *
 * Pulumi forgets a step whose first run fails, and would never take its half back. So `undo` is kept beside the record
 * before anything is done.
 */
export function createScript(record: string, generation: number, scripts: StepScripts): Shell {
  const { create, facts, undo, across } = scripts;
  const there = (script: Shell): Shell =>
    across === undefined
      ? script
      : sh`timeout ${factsLimit + 60} ${across} ${sh`bash -c ${lines(strict, script).shell}`.shell} </dev/null`;
  return lines(
    sh`# generation ${generation}`,
    strict,
    there(sh`rm -f -- ${record}`),
    undo === undefined ? sh`:` : keepUndo(record, undo),
    sh`(`,
    create,
    sh`)`,
    there(keepRecord(record, facts)),
  );
}

const strict = sh`set -euo pipefail; umask 022`;
/** Seconds that facts may take: those of a server that has died since would never end. */
const factsLimit = 60;

function keepUndo(record: string, undo: Shell): Shell {
  const file = `${record}${undoSuffix}`;
  return lines(
    sh`mkdir -p -- "$(dirname ${record})"`,
    sh`printf '%s\n' ${undo.shell} >${`${file}.new`}; mv -- ${`${file}.new`} ${file}`,
  );
}

function keepRecord(record: string, facts: Shell): Shell {
  return lines(
    sh`mkdir -p -- "$(dirname ${record})"`,
    sh`: >${`${record}.time`}`,
    // As whoever compares them later runs them: a fact that cannot be read is missing, and fails nothing.
    sh`IFS= read -t ${factsLimit} -rd '' text < <( set +eu +o pipefail; exec </dev/null 2>/dev/null; record=`,
    facts,
    sh`) || true`,
    sh`printf '%s' "$text" >${`${record}.new`}`,
    // What changes while the facts are read is newer than the record.
    sh`touch -r ${`${record}.time`} -- ${`${record}.new`}; rm -f -- ${`${record}.time`}`,
    // A reset of the machine must not leave the record of something that was never written.
    sh`sync -f -- ${`${record}.new`}; mv -- ${`${record}.new`} ${record}`,
  );
}

/**
 * The command of every step: it takes its script from standard input, and leaves it what follows there. An error of
 * Pulumi's repeats the command, so that is the title and this one line, not the whole of the script. The script is no
 * argument of a process, which may have 128 KiB: a kernel configuration in it is longer.
 */
export function stepCommand(title: string): Shell {
  // A new line would end the comment.
  const comment = sh`# ${title.replaceAll("\n", " ")}`;
  return lines(comment, sh`read -r size && exec bash -c 'eval "$(head -c "$1")"' bash "$size"`);
}

/** Standard input for `stepCommand`: the script, after its length in bytes, and the input of the script itself. */
export function stepInput(script: Shell, stdin: string): string {
  return `${Buffer.byteLength(script.shell)}\n${script.shell}${stdin}`;
}

/** The bash that takes a step back, and forgets all of it. Harmless when repeated. */
export function deleteScript(record: string, undo: Shell): Shell {
  const forget = sh`rm -f -- ${[record, `${record}${undoSuffix}`]}`;
  return lines(sh`set -euo pipefail; exec </dev/null`, sh`(`, undo, sh`)`, forget);
}
