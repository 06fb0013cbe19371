import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { clearLocks } from "./locks.ts";

let backend: string;
/** Where Pulumi has the locks of the stack. */
let folder: string;
let holder: ChildProcess | undefined;
beforeEach(() => {
  backend = temporaryFolder("duet-locks-");
  folder = join(backend, ".pulumi/locks/organization/duet/dev");
  mkdirSync(folder, { recursive: true });
});
afterEach(() => {
  holder?.kill("SIGKILL");
  holder = undefined;
});

function lock(name: string, content: string): string {
  const file = join(folder, name);
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
    expect(readdirSync(folder)).toEqual([]);
  });

  it("whose pid is another program's by now is removed", async () => {
    const { pid } = await processNamed("pulumi-resource");
    lockOf(pid);
    expect(clearLocks(backend, "dev")).toHaveLength(1);
  });

  it("that was cut off while it was written is removed", () => {
    lock("a.json", "");
    lock("b.json.18eac4.tmp", '{"pid":');
    lock("c.json", "null");
    lock("d.json", '{"pid":"1","hostname":"h"}');
    expect(clearLocks(backend, "dev")).toHaveLength(4);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("of a pulumi that is at work is an error with its pid, and nothing is removed", async () => {
    const { pid } = await processNamed("pulumi");
    lockOf(await pidOfTheDead());
    lockOf(pid);
    expect(() => clearLocks(backend, "dev")).toThrow(`pid ${pid}; `);
    expect(readdirSync(folder)).toHaveLength(2);
  });

  it("of another host is left alone, whatever its pid is here", async () => {
    lockOf(await pidOfTheDead(), "elsewhere");
    expect(() => clearLocks(backend, "dev")).toThrow(/pid \d+ on elsewhere/);
  });

  it("of another stack is not looked at", async () => {
    lockOf(await pidOfTheDead());
    expect(clearLocks(backend, "other")).toEqual([]);
    expect(readdirSync(folder)).toHaveLength(1);
  });
});
