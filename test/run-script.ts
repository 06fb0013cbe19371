import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Shell } from "../components/machine/shell.ts";

/** What a script left behind. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Bash for each command that a test replaces, by the command's name. */
export type Stubs = Readonly<Record<string, string>>;

/** Writes a program of the shell's, and makes the folders above it. */
export function writeProgram(file: string, body: string, shell = "/bin/sh"): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!${shell}\n${body}\n`);
  chmodSync(file, 0o755);
}

/**
 * Runs a script as a step runs it, with the stubs in the place of the real commands.
 *
 * @param words words before bash. Defaults to none.
 */
export async function runScript(script: Shell, stubs: Stubs = {}, words: readonly string[] = []): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), "duet-stubs-"));
  const bin = join(folder, "bin");
  for (const [name, body] of Object.entries(stubs)) {
    writeProgram(join(bin, name), body, "/bin/bash");
  }
  const [command = "bash", ...rest] = [...words, "bash", "-c", `set -euo pipefail\n(\n${script.shell}\n)`];
  const child = spawn(command, rest, {
    // `record` is empty where facts are read for the first time.
    env: { ...process.env, record: "", LC_ALL: "C", STUBS: folder, PATH: `${bin}:${process.env.PATH}:/usr/sbin:/sbin` },
    stdio: ["ignore", "pipe", "pipe"],
  });
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

/** The last line of what a script said to the person at the terminal. */
export function lastLine(ran: Ran): string {
  return ran.stderr.trimEnd().split("\n").at(-1) ?? "";
}
