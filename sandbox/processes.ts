import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "./report.ts";

/** A process that is in a sandbox, and how it is known. */
export interface SandboxProcess {
  readonly pid: number;
  /** The kernel's name for it: at most 15 characters. */
  readonly name: string;
  /** Whether it sees the sandbox's private mounts: libvirtd and all that libvirtd starts. */
  readonly marked: boolean;
}

/** Name of a process, or undefined if there is none. A zombie counts as none. */
export function processName(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const match = /^\d+ \((.*)\) (\S)/s.exec(stat ?? "");
  return match === null || match[2] === "Z" ? undefined : match[1];
}

/**
 * Whether the terminal signals this process by itself: then it signals the commands of the process, too.
 *
 * @param stat text of /proc/PID/stat. Source: proc(5): pgrp and tpgid are fields 5 and 8.
 */
export function isInForeground(stat: string): boolean {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[2] !== undefined && fields[2] === fields[5];
}

/** The pid in a pid file, if the process is alive and has that name. */
export function pidIn(file: string, name: string): number | undefined {
  const pid = Number.parseInt(read(file) ?? "", 10);
  return pid > 0 && processName(pid) === name ? pid : undefined;
}

/** Whether the file is a network namespace that `ip netns` keeps, and not a leftover of one. */
export function isNamespace(file: string): boolean {
  try {
    return statSync(file).dev === statSync("/proc/self/ns/net").dev;
  } catch {
    return false;
  }
}

/** Whether the process is in the network namespace that is kept at that path. */
export function isIn(file: string, pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`) === `net:[${statSync(file).ino}]`;
  } catch {
    return false;
  }
}

/** All processes of the sandbox: those in its namespace, and those that see its mounts. */
export function sandboxProcesses(namespaceFile: string, mark: string): SandboxProcess[] {
  const found: SandboxProcess[] = [];
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) {
      continue;
    }
    const marked = (read(`/proc/${pid}/mountinfo`) ?? "").includes(` - tmpfs ${mark} `);
    const name = marked || isIn(namespaceFile, pid) ? processName(pid) : undefined;
    if (name !== undefined) {
      found.push({ pid, name, marked });
    }
  }
  return found;
}

/** Ends processes: asks them to, and kills what is still there after the limit in milliseconds. */
export async function end(pids: readonly number[], limit = 5000): Promise<void> {
  for (const [signal, wait] of [["SIGTERM", limit] as const, ["SIGKILL", 5000] as const]) {
    const alive = pids.filter((pid) => processName(pid) !== undefined);
    for (const pid of alive) {
      try {
        process.kill(pid, signal);
      } catch {
        // It ended by itself in between.
      }
    }
    await until(wait, () => alive.every((pid) => processName(pid) === undefined));
  }
}

/** Waits until the condition holds; false if it does not within the limit in milliseconds. */
export async function until(limit: number, holds: () => boolean | Promise<boolean>): Promise<boolean> {
  for (const deadline = performance.now() + limit; ; await sleep(25)) {
    if (await holds()) {
      return true;
    }
    if (performance.now() > deadline) {
      return false;
    }
  }
}

/** Runs a program of the system, with a limit of 60 s. @throws UserError with what it said. */
export function run(program: string, words: readonly string[], what: string, more = () => ""): void {
  const result = spawnSync(program, words, {
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
    cwd: "/",
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    timeout: 60_000,
  });
  if (result.status !== 0) {
    const said = result.error?.message ?? (result.stderr.trim() || `exit status ${result.status}`);
    throw new UserError(`cannot ${what}: ${[said.replaceAll("\n", "; "), more()].filter(Boolean).join("; ")}`);
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
