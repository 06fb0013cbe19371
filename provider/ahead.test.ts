import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { sh } from "../components/machine/shell.ts";
import { until } from "../sandbox/processes.ts";
import { temporaryFolder } from "../test/temporary-folder.ts";
import { Ahead, type Question } from "./ahead.ts";

let folder: string;
let ahead: Ahead;
beforeEach(() => {
  folder = temporaryFolder("ahead-");
  ahead = new Ahead();
  mkdirSync(join(folder, "records"));
  writeFileSync(join(folder, "readings"), "");
});

/** A question whose machine has drifted or has not, and notes how often it was asked. */
function question(step: string, hasDrifted = false): Question {
  writeFileSync(join(folder, "records", step), "state: fine\n");
  const facts = sh`echo ${step} >>${join(folder, "readings")}; echo ${`state: ${hasDrifted ? "broken" : "fine"}`}`;
  return {
    reader: { command: ["bash", "-c"], records: join(folder, "records"), timeout: 1 },
    steps: { [step]: { title: "be", facts: facts.shell } },
  };
}

const asked = () => readFileSync(join(folder, "readings"), "utf8").trim().split("\n");

describe("a reading ahead", () => {
  it("is what the engine gets, once", async () => {
    ahead.begin([question("a")]);
    expect(await ahead.read(question("a"))).toEqual({});
    expect(asked()).toEqual(["a"]);
    await ahead.read(question("a"));
    expect(asked()).toEqual(["a", "a"]);
  });

  it("is of no use for another question", async () => {
    ahead.begin([question("a")]);
    expect(await ahead.read(question("a", true))).toEqual({ a: ["state: expected fine, found broken"] });
  });

  it("is of no use once another machine has drifted, whose repair changes more", async () => {
    ahead.begin([question("guest")]);
    await until(5000, () => asked().includes("guest"));
    await ahead.read(question("host", true));
    await ahead.read(question("guest"));
    expect(asked().filter((step) => step === "guest")).toHaveLength(2);
  });

  it("is of no use when it is old", async () => {
    ahead.begin([question("a")]);
    await until(5000, () => asked().includes("a"));
    await sleep(2300);
    await ahead.read(question("a"));
    expect(asked()).toEqual(["a", "a"]);
  });

  it("answers a question whose properties the engine lists in another order", async () => {
    const { reader, steps } = question("a");
    ahead.begin([{ steps, reader: { timeout: 1, records: reader.records, command: reader.command } }]);
    expect(await ahead.read({ reader, steps })).toEqual({});
    expect(asked()).toEqual(["a"]);
  });

  it("is of no use once it was begun anew", async () => {
    ahead.begin([question("a")]);
    ahead.begin([question("b")]);
    await ahead.read(question("a"));
    await until(5000, () => asked().length > 2);
    expect(asked().filter((step) => step === "a")).toHaveLength(2);
  });
});
