import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import type { FactsReader } from "../components/machine/facts.ts";
import { sh } from "../components/machine/shell.ts";
import { until } from "../sandbox/processes.ts";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { Ahead } from "./ahead.ts";

let folder: string;
let ahead: Ahead;
beforeEach(() => {
  folder = temporaryFolder("ahead-");
  ahead = new Ahead();
  writeFileSync(join(folder, "readings"), "");
});

/** A machine of one step, which has drifted or has not, and notes how often it was asked. */
function machine(name: string, hasDrifted = false): FactsReader {
  const records = join(folder, name);
  mkdirSync(join(records, ".completed"), { recursive: true });
  writeFileSync(join(records, ".completed", name), "");
  writeFileSync(join(records, name), "state: fine\n");
  const said = hasDrifted ? "state: broken" : "state: fine";
  writeFileSync(
    join(records, `${name}.sh`),
    `title=be; ${sh`echo ${name} >>${join(folder, "readings")}; echo ${said}`.shell}\n`,
  );
  return { command: ["bash", "-c"], records, timeout: 1 };
}

const asked = () => readFileSync(join(folder, "readings"), "utf8").trim().split("\n");
const fine = { drift: {}, hasSteps: true, notes: [] };

describe("a reading ahead", () => {
  it("is what the engine gets, once", async () => {
    ahead.begin([machine("a")]);
    expect(await ahead.read(machine("a"))).toEqual(fine);
    expect(asked()).toEqual(["a"]);
    await ahead.read(machine("a"));
    expect(asked()).toEqual(["a", "a"]);
  });

  it("is of no use for another machine", async () => {
    ahead.begin([machine("a")]);
    const { drift } = await ahead.read(machine("b", true));
    expect(drift.b?.differences).toEqual(["state: expected fine, found broken"]);
  });

  it("is of no use once another machine has drifted, whose repair changes more", async () => {
    ahead.begin([machine("guest")]);
    await until(5000, () => asked().includes("guest"));
    await ahead.read(machine("host", true));
    await ahead.read(machine("guest"));
    expect(asked().filter((name) => name === "guest")).toHaveLength(2);
  });

  it("is of no use if it is old", async () => {
    ahead.begin([machine("a")]);
    await until(5000, () => asked().includes("a"));
    await sleep(2300);
    await ahead.read(machine("a"));
    expect(asked()).toEqual(["a", "a"]);
  });

  it("answers for a reader whose properties the engine lists in another order", async () => {
    const { command, records, timeout } = machine("a");
    ahead.begin([{ timeout, records, command }]);
    expect(await ahead.read({ command, records, timeout })).toEqual(fine);
    expect(asked()).toEqual(["a"]);
  });

  it("is of no use once another was begun", async () => {
    ahead.begin([machine("a")]);
    ahead.begin([machine("b")]);
    await ahead.read(machine("a"));
    await until(5000, () => asked().length > 2);
    expect(asked().filter((name) => name === "a")).toHaveLength(2);
  });
});
