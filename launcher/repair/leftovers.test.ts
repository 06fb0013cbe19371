import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { endLeftovers, runVariable } from "./leftovers.ts";

let folder: string;
let children: ChildProcess[];
beforeEach(() => {
  folder = temporaryFolder("duet-leftovers-");
  children = [];
});
afterEach(() => {
  for (const child of children) {
    child.kill("SIGKILL");
  }
});

/** A process of a run, which the kernel calls by that name. */
async function processOf(run: string, name: string, variable = runVariable): Promise<ChildProcess> {
  const program = join(folder, name);
  copyFileSync("/bin/sleep", program);
  const child = spawn(program, ["60"], { env: { A: "1", [variable]: run } });
  children.push(child);
  await once(child, "spawn");
  return child;
}

describe("what a run has left", () => {
  it("is ended, and said", async () => {
    const plugin = await processOf(folder, "pulumi-resource");
    const ended = once(plugin, "exit");
    expect(await endLeftovers(folder)).toEqual([
      `a run that was cut off had left pulumi-resource (pid ${plugin.pid}): ended`,
    ]);
    await ended;
    expect(await endLeftovers(folder)).toEqual([]);
  });

  it("includes a pulumi whose launcher was killed", async () => {
    const pulumi = await processOf(folder, "pulumi");
    const ended = once(pulumi, "exit");
    await endLeftovers(folder);
    expect(await ended).toEqual([null, "SIGTERM"]);
  });

  it("is not what belongs to another stack, nor a daemon that a step has started", async () => {
    await processOf(`${folder}2`, "pulumi");
    await processOf(folder, "pulumi-language", `X${runVariable}`);
    await processOf(folder, "ganesha.nfsd");
    await processOf(folder, "ssh");
    expect(await endLeftovers(folder)).toEqual([]);
  });
});
