import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../test/temporary-folder.ts";
import { clearLocks, isHeld, lockFolder, parseLock } from "./locks.ts";

let backend: string;
let holder: ChildProcess | undefined;
beforeEach(() => {
  backend = temporaryFolder("duet-locks-");
  mkdirSync(lockFolder(backend, "dev"), { recursive: true });
});
afterEach(() => {
  holder?.kill("SIGKILL");
  holder = undefined;
});

function lock(name: string, content: string): string {
  const file = join(lockFolder(backend, "dev"), name);
  writeFileSync(file, content);
  return file;
}

/** Writes the lock of a process, as Pulumi does, and gives the file. */
const lockOf = (pid: number | undefined, host = hostname()) =>
  lock(`${pid}.json`, JSON.stringify({ pid, username: "root", hostname: host, timestamp: "2026-01-02T03:04:05Z" }));

/** A process that the kernel calls by that name. */
async function processNamed(name: string): Promise<ChildProcess> {
  const program = join(backend, name);
  copyFileSync("/bin/sleep", program);
  const child = spawn(program, ["60"]);
  await once(child, "spawn");
  holder = child;
  return child;
}

async function pidOfTheDead(): Promise<number | undefined> {
  const child = spawn("true");
  await once(child, "exit");
  return child.pid;
}

describe("a lock", () => {
  it("of a process that is gone is removed, and said", async () => {
    const pid = await pidOfTheDead();
    const file = lockOf(pid);
    lock(`${pid}.json.attrs`, "{}");
    expect(clearLocks(backend, "dev")).toEqual([
      `stack dev was locked by pulumi, pid ${pid}, which is gone: lock removed`,
    ]);
    expect(existsSync(file)).toBe(false);
    expect(readdirSync(lockFolder(backend, "dev"))).toEqual([]);
  });

  it("whose pid is another program's by now is removed", async () => {
    const { pid } = await processNamed("other");
    lockOf(pid);
    expect(clearLocks(backend, "dev")).toHaveLength(1);
  });

  it("that was cut off while it was written is removed", () => {
    lock("a.json", "");
    lock("b.json.18eac4.tmp", '{"pid":');
    expect(clearLocks(backend, "dev")).toHaveLength(2);
    expect(readdirSync(lockFolder(backend, "dev"))).toEqual([]);
  });

  it("of a pulumi that is at work is an error with its pid, and nothing is removed", async () => {
    const { pid } = await processNamed("pulumi");
    lockOf(await pidOfTheDead());
    lockOf(pid);
    expect(() => clearLocks(backend, "dev")).toThrow(`stack dev is locked by pulumi, pid ${pid}: `);
    expect(readdirSync(lockFolder(backend, "dev"))).toHaveLength(2);
  });

  it("of another host is left alone, whatever its pid is here", async () => {
    lockOf(await pidOfTheDead(), "elsewhere");
    expect(() => clearLocks(backend, "dev")).toThrow(/pid \d+ on elsewhere/);
  });

  it("of another stack is not looked at", async () => {
    lockOf(await pidOfTheDead());
    expect(clearLocks(backend, "other")).toEqual([]);
    expect(readdirSync(lockFolder(backend, "dev"))).toHaveLength(1);
  });
});

it("is held by a pulumi of this host only", () => {
  const names: Record<number, string> = { 1: "pulumi", 2: "pulumi-resource" };
  const held = (pid: number) => isHeld({ pid, hostname: "here" }, "here", (it) => names[it]);
  expect([held(1), held(2), held(3)]).toEqual([true, false, false]);
});

it("has a pid and a host name", () => {
  expect(parseLock('{"pid":7,"username":"u","hostname":"h"}')).toEqual({ pid: 7, hostname: "h" });
  expect(["", "{}", "[]", '{"pid":"7","hostname":"h"}', "null"].map(parseLock)).toEqual(Array(5).fill(undefined));
});
