import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { expect, it } from "vitest";
import { eventLog, explained } from "./causes.ts";

const stack = "urn:pulumi:dev::duet::pulumi:pulumi:Stack::duet-dev";
const urn = (name: string) => `urn:pulumi:dev::duet::duet:duet:DuetModule$command:local:Command::${name}`;

/** A line of pulumi 3.250's event log. */
const event = (diagnosticEvent: object) =>
  `${JSON.stringify({ sequence: 1, timestamp: 2, diagnosticEvent: { prefix: "error: ", color: "never", severity: "error", ...diagnosticEvent } })}\n`;

/** The causes in what pulumi has written. */
function causesIn(text: string): readonly string[] {
  const log = eventLog({ command: "up" });
  try {
    writeFileSync(log.options[1] ?? "", text);
    return log.causes();
  } finally {
    log.end();
  }
}

const failed = event({ message: "update failed\n" });

it("of a step is its own last line, said once", () => {
  const cause = "cannot build module duet: main.c:9:1: error: first";
  const message = `exit status 1: running "# 'build module duet'":\nmake: Entering directory\n${cause}\n`;
  const streamed = event({ urn: urn("module-build"), message: "main.c:9:1: error: first", ephemeral: true });
  const noted = event({ urn: urn("host"), message: "has drifted", severity: "info" });
  expect(causesIn(streamed + noted + event({ urn: urn("module-build"), message }).repeat(2) + failed)).toEqual([cause]);
});

it("of what a full disk has broken is that, if the last line does not say so", () => {
  const full = "tee: /src/build/log: No space left on device";
  const told = (line: string) => causesIn(event({ urn: urn("build"), message: `make: *** b\n${full}\n${line}\n` }));
  expect(told("cannot build the kernel: a")).toEqual([`cannot build the kernel: a; before that: ${full}`]);
  expect(told(`cannot build: ${full}`)).toEqual([`cannot build: ${full}`]);
});

it("of a provider is named with its resource", () => {
  const message = "<{%reset%}>1 error occurred:\n\t* error creating domain: no such pool<{%reset%}>\n\n";
  expect(causesIn(event({ urn: urn("duetdev"), message }))).toEqual([
    "cannot do duetdev: * error creating domain: no such pool",
  ]);
});

it("of the program is the whole of it", () => {
  const message = "the spec of this stack has 2 problem(s):\n  duet:vms: one\n  duet:host: two\n";
  expect(causesIn(event({ urn: stack, message }) + failed)).toEqual([message.trim()]);
});

it("is none in a log that a kill has cut off, nor if pulumi was told to end", () => {
  expect(causesIn('{"diagnosticEvent": {"mess')).toEqual([]);
  expect(causesIn(event({ message: "update canceled" }))).toEqual([]);
});

it("is read from what nobody else can open, and is on no disk", () => {
  // What a launcher that was killed has left: no process has that pid.
  const left = "/dev/shm/duet-events-4194305-left";
  mkdirSync(left, { recursive: true });
  const log = eventLog({ command: "up" });
  expect(existsSync(left)).toBe(false);
  const [option, file = ""] = log.options;
  expect(option).toBe("--event-log");
  expect([statSync(file).mode & 0o777, statSync(dirname(file)).mode & 0o777]).toEqual([0o600, 0o700]);
  expect(execFileSync("stat", ["-f", "-c", "%T", file], { encoding: "utf8" }).trim()).toBe("tmpfs");
  expect(log.causes()).toEqual([]);
  log.end();
  expect(existsSync(dirname(file))).toBe(false);
  expect(eventLog({ command: "import" }).options).toEqual([]);
});

it("comes last if a step has told it, and before what the steps know if somebody has only lost a machine", () => {
  const panic = "guest one panicked: gone";
  expect(explained(["cannot do tools-one: wait: remote command exited"], [panic]).at(-1)).toBe(panic);
  expect(explained(["cannot load duet: no"], [panic])).toEqual([panic, "cannot load duet: no"]);
});
