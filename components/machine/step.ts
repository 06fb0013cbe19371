import { gunzipSync, gzipSync } from "node:zlib";
import type * as pulumi from "@pulumi/pulumi";
import { type Shell, sh } from "./shell.ts";

/** A command that knows its drift. */
export interface StepArgs {
  /** What the step does, in the words of a message: "mount the sources". */
  readonly title: string;
  /**
   * The step, as `script` makes it: a file which sources machine/step.sh and defines `create`, that brings the machine
   * to the state wanted from any state; `facts`, read-only, that prints what the step has established; and `delete`, that
   * gives back what `create` took. Another text, or another value in it, runs `create` again.
   */
  readonly script: pulumi.Input<string>;
  /** Standard input of `create`: where a secret goes, which no process list and no file may show. */
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
  /** The last value that `create` handed on under a key. */
  result(key: string): pulumi.Output<string>;
  /** What its machine is sent. It changes with all that the step is made from, and with its drift. */
  readonly input: pulumi.Output<string>;
  /** The resource, for `dependsOn` within a component. */
  readonly resource: pulumi.CustomResource;
}

/** What the frame of a step is given, machine/step.sh. */
export interface Frame {
  readonly title: string;
  /** Name of the step, and of its files on the machine. */
  readonly step: string;
  /** Absolute path of the folder of the machine's steps. */
  readonly records: string;
  /** The words of `across`. */
  readonly across?: readonly string[] | undefined;
}

/** How the name ends of the file of a step, beside its record. */
export const stepSuffix = ".sh";

/**
 * The file of a step.
 *
 * @param script its values and its text
 * @param generation changes the text, and with it has Pulumi run `create` again
 */
export function stepFile({ title, step, records, across = [] }: Frame, script: string, generation: string): string {
  const values = sh`title=${title} step=${step} records=${records} across=(${across})`;
  return `#!/usr/bin/env bash\n# generation ${generation}\n${values.shell}\n${script}`;
}

/**
 * The command of every step: it puts the file, which comes on standard input after its length, beside the record and
 * runs it, and leaves it what follows. An error of Pulumi's repeats the command, so that is the title and this one line.
 *
 * On the machine on which Pulumi runs, the step ends with its shell. A step across leaves its file where it is needed.
 *
 * @param as words that run the step as somebody else, such as sudo. What they start cannot be told of its end by a
 *   signal: it watches its standard input, which stays open for as long as the shell is there.
 */
export function stepCommand(
  { title, step, records, across }: Frame,
  isLocal: boolean,
  verb: string,
  as: readonly string[] = [],
): Shell {
  const kept = `${records}/${step}${stepSuffix}`;
  const place =
    across === undefined
      ? sh`file=${`${kept}.new`} && mkdir -p -- ${records}`
      : sh`file=$(mktemp) && trap 'rm -f -- "$file"' EXIT`;
  // `create` looks at the file of the last run before it takes its place.
  const settle = across === undefined && verb !== "create" ? sh` && mv -- "$file" ${kept} && file=${kept}` : sh``;
  const put = sh`head -c "$size" | base64 -d | gzip -d >"$file"${settle}`;
  const run = isLocal ? sh`setpriv --pdeathsig TERM setsid bash "$file" ${verb}` : sh`bash "$file" ${verb}`;
  // A new line would end the comment.
  const comment = title.replaceAll("\n", " ");
  const begins = sh`umask 022; read -r size && ${place} && ${put}`;
  const watched = sh`${begins} && exec setsid --wait bash "$file" ${verb} watched`;
  const open = sh`(cat; exec setpriv --pdeathsig KILL sleep infinity)`;
  const does =
    as.length === 0
      ? sh`${begins} && (exec ${run}) || exit`
      : sh`exec {held}< <${open}; ${as} bash -c ${watched.shell} <&"$held"; code=$?; kill "$!"; exit "$code"`;
  return { shell: `${sh`# ${comment}`.shell}\n${does.shell}` };
}

/** The title of a step, from the command that `stepCommand` has made. Undefined if another one has. */
export function titleIn(create: unknown): string | undefined {
  const [, title] = (typeof create === "string" && /^# '?(.*?)'?$/m.exec(create)) || [];
  return title?.replaceAll("'\\''", "'");
}

/** A step as it is known before it begins. */
export interface Announced {
  readonly name: string;
  readonly title: string;
  /** Names of what it waits for. */
  readonly after: readonly string[];
}

/** Set if somebody shows the progress of a run: to announce its steps costs a run with nothing to do a part of its time. */
export const progressVariable = "DUET_PROGRESS";

/** How the message begins by which a step is announced to whoever shows the progress of a run. */
export const announcementMark = "duet step: ";

export function announcedIn(message: string): Announced | undefined {
  return message.startsWith(announcementMark) ? JSON.parse(message.slice(announcementMark.length)) : undefined;
}

/**
 * Standard input for `stepCommand`: the file, packed, after its length in bytes, and the input of the step itself. It is
 * packed since the state of a stack has each one twice, and each run sends all of them from one process to the next.
 *
 * @param isWatched whether the command runs the step as somebody else: then that input has its length before it, too
 */
export function stepInput(file: string, stdin: string, isWatched = false): string {
  const own = isWatched ? `${Buffer.byteLength(stdin)}\n${stdin}` : stdin;
  const packed = gzipSync(file).toString("base64");
  return `${packed.length}\n${packed}${own}`;
}

/** Takes that standard input apart, also that of a stack which an earlier version has brought up: it was not packed. */
export function inputOf(input: string): { readonly file: string; readonly rest: string } {
  const [, size = "0", text = ""] = /^(\d+)\n(.*)$/s.exec(input) ?? [];
  return { file: unpacked(text.slice(0, Number(size))), rest: text.slice(Number(size)) };
}

function unpacked(text: string): string {
  try {
    return gunzipSync(Buffer.from(text, "base64")).toString();
  } catch {
    return text;
  }
}

/**
 * Reads what a step handed on: the last `key: value` line of a key in its output.
 *
 * @throws if the key is missing, which is a fault of the step's script and not of its user
 */
export function resultIn(stdout: string, key: string): string {
  const line = stdout.split("\n").findLast((line) => line.startsWith(`${key}: `));
  if (line === undefined) {
    throw new Error(`a step printed no ${key}: ${JSON.stringify(stdout.slice(-200))}`);
  }
  return line.slice(key.length + 2).trim();
}
