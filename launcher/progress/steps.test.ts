import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { project } from "../project.ts";
import type { EngineEvent } from "./events.ts";
import { Steps } from "./steps.ts";
import { lineView, terminalView, type View } from "./view.ts";

/** A first `up` as pulumi has told it, each event with its second. */
const recorded: readonly (EngineEvent & { readonly timestamp: number })[] = readFileSync(
  join(project, "test/support/recorded-up.jsonl"),
  "utf8",
)
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));

const steps = () => new Steps(new Map());

/** What is said as it happens, and what is said of what is under way in each second. */
function watched(view: View, events = recorded) {
  const known = steps();
  const told: string[] = [];
  const atWork: string[][] = [];
  for (const event of events) {
    while (atWork.length < event.timestamp) atWork.push([...view.atWork(known, atWork.length * 1000)]);
    told.push(...known.take(event, event.timestamp * 1000).flatMap(view.told));
  }
  return { told, atWork, known };
}

const urn = (name: string) => `urn:pulumi:dev::duet::duet:duet:DuetModule$command:local:Command::${name}`;
const command = (op: string, name: string) => ({
  op,
  urn: urn(name),
  type: "command:local:Command",
  new: { custom: true, inputs: { create: `# 'do it with '\\''care'\\'''\numask 022` } },
});
const said = (message: string, more: object = {}): EngineEvent => ({
  diagnosticEvent: { urn: urn("one"), message, severity: "info", ...more },
});
/** All that is told of events, line by line. */
const told = (...events: readonly EngineEvent[]) => {
  const known = steps();
  return events.flatMap((event, at) => known.take(event, at * 1000)).flatMap(lineView().told);
};

describe("a run without a terminal", () => {
  const { told: lines, atWork } = watched(lineView());

  it("tells the beginning and the end of each step, and nothing twice", () => {
    expect(new Set(lines).size).toBe(lines.length);
    const begun = lines.filter((line) => !/: done in /.test(line));
    const done = lines.flatMap((line) => /^(.*): done in /.exec(line)?.[1] ?? []);
    // The last one was at work when the recording ended.
    expect(begun.filter((line) => !done.includes(line))).toEqual(["load module duet (module-one)"]);
    expect(done.filter((line) => !begun.includes(line))).toEqual([]);
    expect(lines).toContain("run the kernel in one (one-kernel-boot): done in 36 s");
    expect(lines).toContain("make domain one: done in 5.0 s");
    expect(lines.join("\n")).not.toMatch(/Stack|DuetEnvironment|providers|Entering directory/);
  });

  it("tells once a minute how far what takes long is, what it says, and what waits for it", () => {
    expect(atWork.flat()).toEqual([
      "build module duet (module-build): 1 min; module-one waits for it; CC [M]  /media/data/duet/duet-module/task.o",
    ]);
  });
});

describe("a run at a terminal", () => {
  const size = { columns: 80, rows: 24 };
  const { told: lines, atWork } = watched(terminalView(size, 0));

  it("fits it, also if it is small", () => {
    for (const { columns, rows } of [size, { columns: 30, rows: 5 }]) {
      const all = watched(terminalView({ columns, rows }, 0));
      expect([...all.told, ...all.atWork.flat()].filter((line) => line.length >= columns)).toEqual([]);
      expect(Math.max(...all.atWork.map(({ length }) => length))).toBeLessThan(rows);
    }
  });

  it("takes one that has no size for the usual one", () => {
    const none = watched(terminalView({ columns: 0, rows: 0 }, 0));
    expect(none).toEqual(expect.objectContaining({ told: lines, atWork }));
  });

  it("shows what runs, what it says, what waits for what, and how many steps there are", () => {
    expect(atWork[20]?.map((line) => line.replaceAll(/ {2,}/g, "  "))).toEqual([
      "  boot one (one-boot)  11 s",
      "  build the kernel (kernel)  4.0 s",
      "  CALL  /media/data/duet/duet-kernel/scripts/checksyscalls.sh",
      "give the disk of one its size (one-disk-size) waits for one-boot",
      "install the packages of the guest (one-packages) waits for one-boot",
      "12 of 25 steps are done; 9 more wait; 20 s",
    ]);
  });

  it("keeps a line of each thing that was done", () => {
    expect(lines).toContainEqual(expect.stringMatching(/^\+ build the kernel \(kernel\) +10 s$/));
    expect(lines.length).toBe(watched(lineView()).told.filter((line) => line.includes(": done in ")).length);
  });

  it("shows a bar, and the time left, of what was done before", () => {
    const known = new Steps(new Map([["update do it with 'care' (one)", { seconds: 90, lines: 3 }]]));
    known.take({ resourcePreEvent: { metadata: command("update", "one") } }, 0);
    const [line = ""] = terminalView(size, 0).atWork(known, 30_000);
    expect(line).toMatch(/^ {2}do it with 'care' \(one\) +\[#{5}-{11}\] 33 %, +60 s left$/);
  });
});

it("counts what a destroy takes back", () => {
  const known = new Steps(new Map(), 2);
  const view = terminalView({ columns: 80, rows: 24 }, 0);
  const { new: old, ...metadata } = command("delete", "one");
  known.take({ resourcePreEvent: { metadata: { ...metadata, old } } }, 0);
  expect(view.atWork(known, 1000).map((line) => line.replaceAll(/ {2,}/g, " "))).toEqual([
    " take back one (do it with 'care') 1.0 s",
    "0 of 2 steps are done; 1.0 s",
  ]);
  known.take({ resOutputsEvent: { metadata: { ...metadata, old } } }, 2000);
  expect(view.atWork(known, 2000)).toEqual(["1 of 2 steps are done; 2.0 s"]);
});

describe("what is told", () => {
  it("of what has drifted is said once", () => {
    const drift = said("one (do it) has drifted: module: expected loaded, found none\n");
    expect(told(drift, drift)).toEqual(["one (do it) has drifted: module: expected loaded, found none"]);
  });

  it("of what is unchanged, only read, a component's or the engine's own is nothing", () => {
    const quiet = ["same", "read", "refresh"].map((op) => ({ resourcePreEvent: { metadata: command(op, "one") } }));
    const { new: _, ...component } = command("create", "one");
    expect(
      told(...quiet, { resourcePreEvent: { metadata: component } }, said("secrets", { severity: "debug" })),
    ).toEqual([]);
  });

  it("of a failure is that it failed; why comes last", () => {
    const metadata = command("update", "one");
    const error = said("exit status 1: cannot", { severity: "error" });
    expect(
      told({ resourcePreEvent: { metadata } }, said("a\n", { ephemeral: true }), error, {
        resOpFailedEvent: { metadata },
      }),
    ).toEqual(["do it with 'care' (one)", "do it with 'care' (one): failed after 3.0 s"]);
  });

  it("of a preview is what would be done, a replacement as one", () => {
    const plan = (op: string, name: string): EngineEvent => ({
      resourcePreEvent: { metadata: command(op, name), planning: true },
    });
    const replaced = ["create-replacement", "replace", "delete-replaced"].map((op) => plan(op, "two"));
    expect(told(plan("same", "zero"), plan("update", "one"), ...replaced, plan("delete", "three"))).toEqual([
      "~ do it with 'care' (one)",
      "± do it with 'care' (two)",
      "- take back three (do it with 'care')",
    ]);
  });

  it("never moves the cursor, whatever a step prints", () => {
    const known = steps();
    known.take({ resourcePreEvent: { metadata: command("create", "one") } }, 0);
    known.take(said("\x1b[2Ja\tb\x07\u202e\u4e2d\n", { ephemeral: true }), 0);
    expect(terminalView({ columns: 80, rows: 24 }, 0).atWork(known, 0)[1]).toBe("    a b???");
  });
});
