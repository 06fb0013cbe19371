import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { sh } from "../components/machine/shell.ts";
import { createScript, recordFile } from "../components/machine/step.ts";
import { temporaryFolder } from "../test/temporary-folder.ts";
import { compare, parseReadings, readDrift, readScript, Unreachable } from "./drift.ts";
import { created, diff, type FactsInputs, updated } from "./facts.ts";

let folder: string;
let inputs: FactsInputs;
const facts = () => sh`cat ${`${folder}/state`}`;

/** Does the step for real, as the command of the step would. */
function converge(name: string, content: string): void {
  const create = sh`printf '%s\n' ${content} >${`${folder}/state`}`;
  const script = createScript(recordFile(`${folder}/records`, name), 1, { create, facts: facts() });
  execFileSync("bash", ["-c", script.shell]);
}

beforeEach(() => {
  folder = temporaryFolder("drift-");
  mkdirSync(join(folder, "records"));
  inputs = {
    reader: { command: ["bash", "-c"], records: `${folder}/records`, timeout: 1 },
    steps: { "a step": { title: "hold a state", facts: facts().shell } },
  };
});

describe("drift", () => {
  it("is none after the step has succeeded", async () => {
    converge("a step", "mount: /a\nowner: 1000");
    expect(await readDrift(inputs.reader!, inputs.steps)).toEqual({});
    expect(await diff(created(inputs), inputs)).toEqual({ changed: [], messages: [] });
  });

  it("is said in words: what was expected, what was found", async () => {
    converge("a step", "mount: /a\nowner: 1000");
    writeFileSync(join(folder, "state"), "owner: 1001\n");
    expect(await diff(created(inputs), inputs)).toEqual({
      changed: ["generations.a step"],
      messages: ["a step (hold a state) has drifted: mount: expected /a, found none; owner: expected 1000, found 1001"],
    });
  });

  it("is read in time where many steps hang, as far as each has come", () => {
    const hang = { title: "hang", facts: "echo 'begun: yes'; sleep 60" };
    const steps = Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`step ${index}`, hang]));
    const begin = performance.now();
    const script = readScript({ records: folder }, { ...steps, last: { title: "be", facts: "echo 'x: 1'" } }, 2);
    const readings = parseReadings(execFileSync("bash", ["-c", script.shell], { encoding: "utf8" }));
    expect((performance.now() - begin) / 1000).toBeLessThan(9);
    expect(readings["step 4"]?.facts).toEqual(["begun: yes"]);
    expect(readings.last?.facts).toEqual(["x: 1"]);
  }, 20_000);

  it("raises the generation of that step alone, once", async () => {
    inputs = { ...inputs, steps: { ...inputs.steps, other: { title: "be", facts: "echo 'x: 1'" } } };
    converge("a step", "a: 1");
    writeFileSync(join(folder, "records/other"), "x: 1\n");
    writeFileSync(join(folder, "state"), "a: 2\n");
    const next = await updated(created(inputs), inputs, false);
    expect(next.generations).toEqual({ "a step": 2, other: 1 });
    converge("a step", "a: 1");
    expect(await diff(next, inputs)).toEqual({ changed: [], messages: [] });
  });

  it("is there where a step was cut off, or its record is gone", async () => {
    const script = createScript(`${folder}/records/a step`, 1, {
      create: sh`echo half >${`${folder}/state`}; false`,
      facts: facts(),
    });
    expect(() => execFileSync("bash", ["-c", script.shell], { stdio: "ignore" })).toThrow();
    expect(await readDrift(inputs.reader!, inputs.steps)).toEqual({ "a step": ["was not completed on this machine"] });
  });

  it("is not claimed for a step that is about to be made", async () => {
    const old = created({ ...inputs, steps: {} });
    expect((await diff(old, inputs)).messages).toEqual([]);
    expect((await updated(old, inputs, false)).generations).toEqual({ "a step": 1 });
  });

  it("of a machine that does not answer is left open at preview, and an error at up", async () => {
    const dead = { ...inputs, reader: { ...inputs.reader!, command: ["false"] } };
    await expect(readDrift(dead.reader, dead.steps)).rejects.toThrow(Unreachable);
    expect((await diff(created(dead), dead)).messages[0]).toContain("does not answer");
    expect((await updated(created(dead), dead, true)).generations).toEqual({ "a step": 1 });
    await expect(updated(created(dead), dead, false)).rejects.toThrow("for 1 s and did not answer");
  });

  it("is not seen in the order of the lines", () => {
    expect(compare({ facts: ["a: 1", "b: 2"], record: ["b: 2", "a: 1"] })).toEqual([]);
  });
});
