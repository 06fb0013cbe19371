import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import { sh } from "../machine/shell.ts";
import { claimScript, leaseFacts, releaseScript } from "./lease.ts";

const bash = promisify(execFile);
const free = sh`taken() { :; }`;
let root: string;
let folder: string;

beforeEach(() => {
  root = temporaryFolder("lease-");
  folder = join(root, "gdb ports");
});

async function claim(owner: string, candidates: readonly number[], taken = free): Promise<string> {
  const script = claimScript({ folder, owner, candidates, what: "gdb port", taken }).shell;
  return (await bash("bash", ["-euo", "pipefail", "-c", script])).stdout.trim();
}

describe("a lease", () => {
  it("goes to one owner each, also when many ask at once", async () => {
    const owners = Array.from({ length: 12 }, (_, index) => `stack${index}/vm`);
    const ports = await Promise.all(owners.map((owner) => claim(owner, [1234, 1235, ...Array(20).keys()])));
    expect(new Set(ports).size).toBe(12);
    expect(ports).toContain("1234");
    for (const [index, owner] of owners.entries()) {
      expect(readFileSync(join(folder, ports[index] ?? ""), "utf8").trim()).toBe(owner);
    }
  });

  it("is kept by its owner, who is asked for it again", async () => {
    await claim("other/vm", [1234]);
    expect(await claim("mine/vm", [1234, 1235, 1236])).toBe("1235");
    await bash("bash", ["-c", releaseScript({ folder, owner: "other/vm" }).shell]);
    expect(await claim("mine/vm", [1234, 1235, 1236])).toBe("1235");
    const facts = await bash("bash", ["-c", leaseFacts({ folder, owner: "mine/vm", what: "gdb port" }).shell]);
    expect(facts.stdout).toBe("gdb port: 1235\n");
  });

  it("names the stack that has it", async () => {
    await claim("other/vm", [1234]);
    await expect(claim("mine/vm", [1234])).rejects.toMatchObject({
      stderr:
        "gdb port 1234 was asked for mine/vm, and stack other/vm has leased it: choose another gdb port, or end what uses it\n",
    });
  });

  it("names a foreign user, and takes the next where there is a choice", async () => {
    const taken = sh`taken() { if [ "$1" = 1234 ]; then echo 'process 7 (nc)'; fi; }`;
    await expect(claim("mine/vm", [1234], taken)).rejects.toMatchObject({
      stderr: expect.stringContaining("process 7 (nc) uses it"),
    });
    expect(await claim("mine/vm", [1234, 1235], taken)).toBe("1235");
  });

  it("is given back where its owner gets another one in its place", async () => {
    expect(await claim("mine/vm", [1234, 1235])).toBe("1234");
    const taken = sh`taken() { if [ "$1" = 1234 ]; then echo 'process 7 (nc)'; fi; }`;
    expect(await claim("mine/vm", [1234, 1235], taken)).toBe("1235");
    expect(await claim("mine/vm", [4321])).toBe("4321");
    expect(readdirSync(folder).filter((name) => name !== ".lock")).toEqual(["4321"]);
  });

  it("is given back alone, and the folder only when it is empty", async () => {
    await claim("other/vm", [1]);
    await claim("mine/vm", [2]);
    await bash("bash", ["-c", releaseScript({ folder, owner: "mine/vm" }).shell]);
    await bash("bash", ["-c", releaseScript({ folder, owner: "mine/vm" }).shell]);
    expect(readdirSync(folder).filter((name) => name !== ".lock")).toEqual(["1"]);
    await bash("bash", ["-c", releaseScript({ folder, owner: "other/vm" }).shell]);
    expect(readdirSync(root)).toEqual([]);
  });

  it("survives a claim that was cut off while it wrote", async () => {
    await claim("mine/vm", [1]);
    writeFileSync(join(folder, "2.new"), "");
    expect(await claim("other/vm", [1, 2])).toBe("2");
  });
});
