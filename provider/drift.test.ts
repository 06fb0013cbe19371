import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { FactsReader } from "../components/machine/facts.ts";
import { scriptText } from "../components/machine/script-text.ts";
import { sh } from "../components/machine/shell.ts";
import { stepFile } from "../components/machine/step.ts";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { ask, Unreachable } from "./ask.ts";
import { readMachine } from "./drift.ts";
import { created, diff, type FactsInputs, updated } from "./facts.ts";

let folder: string;
let reader: FactsReader;
let inputs: FactsInputs;
let steps = 0;

beforeEach(() => {
  folder = temporaryFolder("it's drift-");
  reader = { command: ["bash", "-c"], records: join(folder, "records"), timeout: 1 };
  inputs = { reader };
  mkdirSync(reader.records);
});

/** Puts a step on the machine, and does it: as its command would. */
function does(step: string, create: string, facts: string, title = "hold a state") {
  const frame = new URL("../components/machine/step.sh", import.meta.url).pathname;
  const name = `step${++steps}.sh`;
  writeFileSync(join(folder, name), `create() { ${create}; }\nfacts() { ${facts}; }\nrun_step "$@"\n`);
  const body = scriptText(`file://${folder}/x.ts`, name, {});
  const library = scriptText(`file://${frame}`, "step.sh", {});
  const file = join(reader.records, `${step}.sh`);
  writeFileSync(file, stepFile({ title, step, records: reader.records }, `${library}\n${body}`, "1.1"));
  return spawnSync("setsid", ["--wait", "bash", file, "create"], { encoding: "utf8" });
}
const state = () => join(folder, "state");
const converge = (step: string, content: string) =>
  does(step, sh`printf '%s\n' ${content} >${state()}`.shell, sh`cat ${state()}`.shell);
const drifted = async () => (await readMachine(reader)).drift;
const old = () => created(inputs);

describe("drift", () => {
  it("is none after the step has succeeded", async () => {
    expect(converge("a-step", "mount: /a\nowner: 1000").status).toBe(0);
    expect(await readMachine(reader)).toEqual({ drift: {}, hasSteps: true, notes: [] });
    expect(await diff(old(), inputs)).toEqual({ changed: [], messages: [] });
  });

  it("is none if the language is another, or what else is in the caller's environment", async () => {
    expect(does("a-step", ":", 'fact says "$LANG $LC_ALL $MAKEFLAGS"').status).toBe(0);
    const changed = { LANG: "de_DE.UTF-8", LC_ALL: "de_DE.UTF-8", MAKEFLAGS: "-n" };
    const before = { ...process.env };
    Object.assign(process.env, changed);
    try {
      expect(await drifted()).toEqual({});
    } finally {
      process.env = before;
    }
  });

  it("is none if a step has but something to say, which is said", async () => {
    converge("a-step", "mount: /a");
    writeFileSync(state(), "mount: /a\nnote: /a was not looked at: its disk is slow\n");
    expect(await diff(old(), inputs)).toEqual({
      changed: [],
      messages: ["a-step: /a was not looked at: its disk is slow"],
    });
  });

  it("is said in words: what was expected, what was found", async () => {
    converge("a-step", "mount: /a\nowner: 1000");
    writeFileSync(state(), "owner: 1001\n");
    expect(await diff(old(), inputs)).toEqual({
      changed: ["generations.a-step"],
      messages: ["a-step (hold a state) has drifted: mount: expected /a, found none; owner: expected 1000, found 1001"],
    });
  });

  it("is read in time if many steps hang, as far as each has come", async () => {
    for (const index of [0, 1, 2, 3, 4]) {
      does(`step${index}`, ":", 'if [ -e "$record" ]; then echo "begun: yes"; sleep 60; fi');
    }
    does("last", ":", "echo 'x: 1'");
    const begin = performance.now();
    const readings = await ask(reader, 2);
    expect((performance.now() - begin) / 1000).toBeLessThan(12);
    expect(readings.step4?.facts).toEqual(["begun: yes"]);
    expect(readings.last?.facts).toEqual(["x: 1"]);
  });

  it("is there if no file matches a pattern of the facts any more", async () => {
    const files = `local files=(${folder.replace(/\W/g, "\\$&")}/state*); if [ -e "$files" ]; then echo 'a: 1'; else echo 'a: 2'; fi`;
    writeFileSync(state(), "");
    does("a-step", ":", files);
    expect(await drifted()).toEqual({});
    rmSync(state());
    expect((await drifted())["a-step"]?.differences).toEqual(["a: expected 1, found 2"]);
    does("a-step", ":", `set -- "${folder}"/state*; echo "count: $#"`);
    expect(await drifted()).toEqual({});
  });

  it("raises the generation of that step alone, once", async () => {
    does("other", ":", "echo 'x: 1'");
    converge("a-step", "a: 1");
    writeFileSync(state(), "a: 2\n");
    const next = await updated(old(), inputs, false);
    expect(next).toMatchObject({ generations: { "a-step": 2 }, epoch: 1 });
    converge("a-step", "a: 1");
    expect(await diff(next, inputs)).toEqual({ changed: [], messages: [] });
  });

  it("is there if a step was cut off after it had succeeded once, or its record or its file is gone", async () => {
    converge("a-step", "a: 1");
    expect(does("a-step", "false", "echo 'a: 1'").status).not.toBe(0);
    expect((await drifted())["a-step"]?.differences).toEqual(["was not completed on this machine"]);
    converge("a-step", "a: 1");
    rmSync(join(reader.records, "a-step"));
    expect((await drifted())["a-step"]?.differences).toEqual(["was not completed on this machine"]);
    converge("a-step", "a: 1");
    rmSync(join(reader.records, "a-step.sh"));
    expect((await drifted())["a-step"]?.differences).toEqual(["a: expected 1, found none"]);
  });

  it("is not claimed for a step that never succeeded: Pulumi has forgotten it, and makes it again", async () => {
    converge("other", "a: 1");
    expect(does("a-step", "false", "echo 'a: 1'").status).not.toBe(0);
    expect(await drifted()).toEqual({});
  });

  it("of a machine that has none of its steps is that of each of them", async () => {
    converge("a-step", "a: 1");
    const next = await updated(old(), inputs, false);
    rmSync(reader.records, { recursive: true });
    const { changed, messages } = await diff(next, inputs);
    expect(changed).toEqual(["epoch"]);
    expect(messages[0]).toContain(reader.records);
    expect(await updated(next, inputs, false)).toMatchObject({ epoch: 2 });
  });

  it("of a machine that does not answer is left open at preview, and an error at up", async () => {
    const dead = { reader: { ...reader, command: ["false"] } };
    await expect(readMachine(dead.reader)).rejects.toThrow(Unreachable);
    expect((await diff(created(dead), dead)).messages[0]).toContain("does not answer");
    expect(await updated(created(dead), dead, true)).toMatchObject({ generations: {}, epoch: 1 });
    await expect(updated(created(dead), dead, false)).rejects.toThrow(/did not answer for 1 s/);
  });

  it("is not seen in the order of the lines", async () => {
    converge("a-step", "a: 1\nb: 2");
    writeFileSync(state(), "b: 2\na: 1\n");
    expect(await drifted()).toEqual({});
  });
});
