import { describe, expect, it } from "vitest";
import type { Snapshot } from "../e2e/snapshot.ts";
import type { TestStack } from "../e2e/stack.ts";
import { Random } from "./draw.ts";
import { disagreement, type Fault, misnamed, type Place, survive, type Words } from "./run.ts";

const preview = (...drifts: readonly string[]): string =>
  `Diagnostics:\n  duet:machine:Facts (host):\n${drifts.map((line) => `    ${line}\n`).join("")}\nResources:\n    ${
    drifts.length > 0 ? "~ 2 to update\n    2 changes. 52" : "54"
  } unchanged\n`;
const moduleGone = "module-one (load module duet) has drifted: module: expected loaded, found not loaded";
const mountGone = "one-mount (mount /srv) has drifted: source: expected a:/srv, found none";

describe("a preview", () => {
  const words: Words = {
    drifts: { "module-one": /module: expected loaded, found not loaded/ },
    besides: ["one-mount"],
  };

  it("is right when it names what has drifted, as it has, and nothing else", () => {
    expect(misnamed(words, preview(moduleGone))).toBeUndefined();
    expect(misnamed(words, preview(moduleGone, mountGone))).toBeUndefined();
  });

  it.each([
    ["names nothing", preview(), "does not name module-one"],
    ["names it otherwise", preview(moduleGone.replace("not loaded", "nothing")), "preview says of module-one"],
    [
      "names what has not drifted",
      preview(moduleGone, "one-boot (boot one) has drifted: domain: expected running, found paused"),
      "one-boot has drifted, which it has not: domain: expected running",
    ],
  ])("is wrong when it %s", (_, output, line) => {
    expect(misnamed(words, output)).toContain(line);
  });

  it("may name a module that had just been loaded when the guest was cut off", () => {
    const said = "module: expected loaded, found not loaded, since it did not live for long after its last load";
    const before = preview(
      "one-boot (boot one) has drifted: a: b",
      `module-one (load module duet) has drifted: ${said}`,
    );
    expect(misnamed({ drifts: { "one-boot": /a: b/ } }, before)).toBeUndefined();
  });

  it("is to announce nothing if nothing has drifted", () => {
    expect(misnamed({ drifts: {} }, preview())).toBeUndefined();
    expect(misnamed({ drifts: {} }, "Resources:\n    ~ 1 to update\n    53 unchanged\n")).toContain(
      "announces a change",
    );
  });
});

describe("a preview and its up", () => {
  const line = (operation: string, name: string) => ` +- libvirt:index:Domain ${name} ${operation}\n`;
  const step = " ~  command:local:Command one-boot updated (1s)\n";

  it("agree when they name the same of what libvirt has", () => {
    expect(disagreement(line("replace", "one"), `${line("replaced", "one")}${step}`)).toBeUndefined();
    expect(disagreement("", step)).toBeUndefined();
    expect(disagreement(line("replace", "one"), step, ["one"])).toBeUndefined();
  });

  it("disagree when one of them names more", () => {
    expect(disagreement(line("replace", "one"), step)).toBe(
      "preview would change one of libvirt's, and up changed nothing",
    );
    expect(disagreement("", line("updated", "two"))).toBe(
      "preview would change nothing of libvirt's, and up changed two",
    );
  });
});

/** A stack in name only, which notes what is asked of it. */
function pretend(answers: { preview?: string; up?: string; attempt?: [number, string]; again?: Error } = {}) {
  const asked: string[] = [];
  const run = (code: number, output: string) => ({ code, output, seconds: 2 });
  const stack = {
    run: async (command: "preview" | "up") => {
      asked.push(command);
      return run(0, answers[command] ?? preview());
    },
    attempt: async (command: string) => {
      asked.push(`try ${command}`);
      return run(...(answers.attempt ?? [0, ""]));
    },
    stays: async () => {
      asked.push("up again");
      if (answers.again !== undefined) {
        throw answers.again;
      }
    },
  };
  const place: Place = {
    stack: stack as unknown as TestStack,
    guest: "one",
    random: new Random(1),
    before: {} as Snapshot,
    say: () => {},
  };
  const did = (what: string) => async () => {
    asked.push(what);
  };
  return { asked, place, did };
}

describe("a fault", () => {
  const named: Fault["words"] = () => ({ drifts: { "module-one": /not loaded/ } });

  it("is survived when preview names it, up repairs it, all checks hold and another up changes nothing", async () => {
    const { asked, place, did } = pretend({
      preview: preview(moduleGone),
      up: " ~  command:remote:Command module-one updated (1s)\nResources:\n    ~ 1 updated\n    53 unchanged\n",
    });
    const fault: Fault = { name: "module unloaded", cheap: true, apply: did("apply"), words: named };
    const outcome = await survive({ ...fault, verify: did("verify"), restore: did("restore") }, place, did("check"));
    expect(asked).toEqual(["apply", "preview", "up", "verify", "check", "restore", "up again", "restore"]);
    expect(outcome).toEqual({
      fault: "module unloaded",
      problem: undefined,
      said: ["module-one: module: expected loaded, found not loaded"],
      done: [{ type: "command:remote:Command", name: "module-one", operation: "updated" }],
      seconds: { preview: 2, up: 2 },
    });
  });

  it.each([
    ["preview does not name it", { preview: preview() }, {}, "does not name module-one"],
    [
      "a check does not hold",
      { preview: preview(moduleGone) },
      { check: "the mount: expected a, found b" },
      "the mount",
    ],
    [
      "another up changes something",
      { preview: preview(moduleGone), again: new Error("~ 1 updated") },
      {},
      "~ 1 updated",
    ],
  ])("is not survived when %s", async (_, answers, failing: { check?: string }, line) => {
    const { asked, place, did } = pretend(answers);
    const check = async () => {
      if (failing.check !== undefined) {
        throw new Error(failing.check);
      }
    };
    const fault: Fault = { name: "a", cheap: true, apply: did("apply"), words: named, restore: did("restore") };
    const outcome = await survive(fault, place, check);
    expect(outcome.problem).toContain(line);
    expect(asked.at(-1)).toBe("restore");
  });

  it("is one line, whatever a command had to say", async () => {
    const { place } = pretend();
    const apply = () => Promise.reject(new Error("first\n  second\n\nthird"));
    expect((await survive({ name: "a", cheap: true, apply }, place, async () => {})).problem).toBe(
      "first; second; third",
    );
  });
});

describe("a fault that up cannot repair at once", () => {
  const refusing = (relieve: () => Promise<unknown>, verify?: () => Promise<unknown>): Fault => ({
    name: "disk full",
    cheap: true,
    apply: async () => {},
    refusal: { words: () => /No space left/, within: 10, relieve, ...(verify && { verify }) },
  });
  const full =
    "Diagnostics:\n  command:remote:Command (one-packages):\n    error: exit status 1: No space left on device\n";

  it("is survived when up says why, and works once that is gone", async () => {
    const { asked, place, did } = pretend({ attempt: [255, full] });
    expect((await survive(refusing(did("relieve")), place, did("check"))).problem).toBeUndefined();
    expect(asked).toEqual(["preview", "try up", "relieve", "up", "check", "up again", "relieve"]);
  });

  it("is not survived when what has to hold then does not, and is relieved all the same", async () => {
    const { asked, place, did } = pretend({ attempt: [255, full] });
    const wrong = () => Promise.reject(new Error("the old kernel is gone"));
    expect((await survive(refusing(did("relieve"), wrong), place, did("check"))).problem).toBe(
      "the old kernel is gone",
    );
    expect(asked).toEqual(["preview", "try up", "relieve"]);
  });

  it.each([
    ["up claims to have worked", [0, full] as [number, string], "was to fail"],
    ["up says something else", [255, "Diagnostics:\n    error: exit status 1\n"] as [number, string], "was to say"],
  ])("is not survived when %s", async (_, attempt, line) => {
    const { asked, place, did } = pretend({ attempt });
    expect((await survive(refusing(did("relieve")), place, did("check"))).problem).toContain(line);
    expect(asked).toEqual(["preview", "try up", "relieve"]);
  });
});
