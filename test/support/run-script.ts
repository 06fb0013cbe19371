import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { sh } from "../../components/machine/shell.ts";
import { stepFile } from "../../components/machine/step.ts";

/** What a script left behind. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Bash for each command that a test replaces, by the command's name. */
export type Stubs = Readonly<Record<string, string>>;

export interface RunOptions {
  /** What takes the place of the real commands. Defaults to nothing. */
  readonly stubs?: Stubs;
  /** Words before bash, such as `unshare --mount`. Defaults to none. */
  readonly enter?: readonly string[];
  /** Bash that runs first, in the same mount namespace. Defaults to none. */
  readonly before?: string;
  /** Bash that runs after the script, if that succeeds. Defaults to none. */
  readonly after?: string;
  readonly stdin?: string;
  readonly cwd?: string;
  /** Absolute path of the folder of records. Defaults to one of the run's own. */
  readonly records?: string;
}

/** Writes a program of the shell's, and makes the folders above it. */
export function writeProgram(file: string, body: string, shell = "/bin/sh"): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!${shell}\n${body}\n`);
  chmodSync(file, 0o755);
}

/** Bash for `before`, after which all programs of this machine are there but one. */
export function without(program: string): string {
  const link = sh`mkdir "$STUBS/others"; ln -sf -t "$STUBS/others" -- /usr/local/bin/* /usr/sbin/* /usr/bin/* 2>/dev/null`;
  return sh`${link}; rm -f -- "$STUBS"/*/${program}; export PATH="$STUBS/bin:$STUBS/others"`.shell;
}

/** Runs bash, with the stubs in the place of the real commands. */
export async function runBash(script: string, options: RunOptions = {}): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), "duet-stubs-"));
  const bin = join(folder, "bin");
  for (const [name, body] of Object.entries(options.stubs ?? {})) {
    // A step gives its programs nothing that it does not know.
    writeProgram(join(bin, name), `STUBS=${folder}\n${body}`, "/bin/bash");
  }
  const { before = ":", after = ":" } = options;
  const whole = `set -euo pipefail\n${before}\n(\n${script}\n)\n${after}`;
  const [command = "bash", ...words] = [...(options.enter ?? []), "bash", "-c", whole];
  const child = spawn(command, words, {
    cwd: options.cwd,
    env: { ...process.env, LC_ALL: "C", STUBS: folder, PATH: `${bin}:${process.env.PATH}:/usr/sbin:/sbin` },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => {});
  child.stdin.end(options.stdin ?? "");
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (data) => {
      output[name] += data;
    });
  }
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  rmSync(folder, { recursive: true });
  return { code, ...output };
}

export type Verb = "create" | "facts" | "delete" | "boot" | "explain";

/**
 * Runs a step as a machine keeps it.
 *
 * @param script what `scriptText` made of its values and its file
 * @param verbs what is done, one after the other, while each succeeds
 */
export async function runStep(script: string, verbs: Verb | readonly Verb[], options: RunOptions = {}): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), "duet-step-"));
  const records = options.records ?? join(folder, "steps");
  mkdirSync(records, { recursive: true });
  const [sent, file] = [join(folder, "sent.sh"), join(records, "step.sh")];
  writeFileSync(sent, stepFile({ title: "do it", step: "step", records }, script, "1.1"));
  // It is put there each time, in a process group of its own, as the command of a step does it.
  const runs = [verbs].flat().map((verb) => {
    const put = verb === "create" ? `${file}.new` : file;
    return sh`cp ${sent} ${put}; setsid --wait bash ${put} ${verb}`.shell;
  });
  const ran = await runBash(runs.join("\n"), options);
  rmSync(folder, { recursive: true });
  return ran;
}

/**
 * Calls functions of a library of scripts, or of a step's file, as a step does.
 *
 * @param script what `scriptText` made of it
 * @param call bash that calls them
 */
export function runLibrary(script: string, call: string, options: RunOptions = {}): Promise<Ran> {
  const frame = "title=t step=s records=/nonexistent across=()";
  return runBash([frame, script.replace(/^run_step .*$/m, ""), call].join("\n"), options);
}

/** The last line of what a script said to the person at the terminal. */
export function lastLine(ran: Ran): string {
  return ran.stderr.trimEnd().split("\n").at(-1) ?? "";
}
