import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { access, beginHome, duetctl, home, stand, standTwo } from "../test/support/duetctl.ts";
import { writeProgram } from "../test/support/run-script.ts";

/** Where a guest's watcher is, and what it keeps. */
const watch = (guest: string) => join(home, "state/duet/stacks/dev/crashes", guest);
const kept = (guest: string, name: string) => join(watch(guest), "reports", name);
const story =
  "panicked: BUG: kernel NULL pointer dereference, address: 0000000000000000; at duet_seed_oops (/srv/duet-module/crash.c:20) [duet]";

/** Writes a crash down, as of so many hours ago. */
function crash(guest: string, name: string, what: string, hours = 2): void {
  const folder = kept(guest, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "report.txt"), `# ${guest} ${what}\n`);
  writeFileSync(join(folder, "story"), `${what}\n`);
  const then = Date.now() / 1000 - hours * 3600 - 60;
  utimesSync(join(folder, "story"), then, then);
}

/** A dump whose gdb says which one it is, and what it is told. */
function dump(folder: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "memory.kdump"), "memory");
  writeProgram(join(folder, "gdb.sh"), `printf '%s|' '${folder}' "$@"; exit 4`);
  return folder;
}

beforeEach(() => {
  beginHome();
  standTwo();
});

describe.runIf(process.getuid?.() === 0)("the crashes of a guest", () => {
  it("are the report of the last one, and a list of all", () => {
    expect(duetctl(["crash", "one"])).toMatchObject({ status: 1, stderr: expect.stringContaining("no crash of one") });
    crash("one", "2026-01-01T00", "the first");
    crash("one", "2026-01-02T00", "the last");
    // One that is being written, and a dump that somebody has asked for.
    crash("one", ".new-2026", "none yet");
    dump(kept("one", "2026-01-03T00"));
    expect(duetctl(["crash", "one"])).toMatchObject({ status: 0, stdout: "# one the last\n" });
    const folders = [kept("one", "2026-01-01T00"), kept("one", "2026-01-02T00")];
    expect(duetctl(["crash", "one", "--list"]).stdout).toBe(`${folders.join("\n")}\n`);
    const listed = JSON.parse(duetctl(["crash", "one", "--list", "--json"]).stdout);
    expect(listed.map((one: { folder: string; story: string }) => [one.folder, one.story])).toEqual([
      [folders[0], "the first"],
      [folders[1], "the last"],
    ]);
    expect(JSON.parse(duetctl(["crash", "one", "--json"]).stdout)).toEqual(listed[1]);
    expect(JSON.parse(duetctl(["crash", "two", "--list", "--json"]).stdout)).toEqual([]);
  });

  it("are in the status: the last one of each, within 80 columns but for paths", () => {
    crash("one", "2026-01-01T00", "reported: an old one");
    crash("one", "2026-01-02T00", story);
    const { stdout } = duetctl(["status"]);
    const [, one = "", two = ""] = stdout.split("\nguest ");
    const folder = kept("one", "2026-01-02T00");
    const [, told = ""] = /^ {2}crash {4}((?:.*\n {11})*.*)$/m.exec(one) ?? [];
    expect(told.replaceAll(/\n */g, " ")).toBe(`2 h ago: ${story} ${folder}`);
    expect(one.split("\n").filter((line) => line.length > 80 && !line.includes(home))).toEqual([]);
    expect(two).not.toMatch(/^ {2}crash /m);
    const { guests } = JSON.parse(duetctl(["status", "--json"]).stdout);
    expect(guests.map(({ lastCrash }: { lastCrash: unknown }) => lastCrash)).toEqual([
      { folder, story, written: expect.stringMatching(/^\d{4}-.*Z$/) },
      null,
    ]);
  });
});

describe.runIf(process.getuid?.() === 0)("the memory of a guest", () => {
  const state = (what: string) =>
    writeProgram(join(home, "bin/virsh"), `printf ' 1  one  running\\n 2  two  ${what}\\n'`);

  it("is dumped by the watcher, which says where, and duetctl ends as it does", () => {
    expect(duetctl(["dump", "one"])).toMatchObject({ status: 1, stderr: expect.stringContaining("no watcher") });
    writeProgram(join(watch("one"), "duet-watch"), 'echo "told: $*"; exit 1');
    expect(duetctl(["dump", "one"])).toMatchObject({ status: 1, stdout: "told: dump\n", stderr: "" });
  });

  it("is not dumped of a guest that is off, nor of one for which a debugger waits, and is of one that it has stopped", () => {
    writeProgram(join(watch("two"), "duet-watch"), "echo dumped");
    for (const [what, expected] of [
      [
        "shut off",
        { status: 1, stderr: expect.stringMatching(/^duetctl: cannot dump .* two: it is off; do duetctl up\n$/) },
      ],
      [
        "running",
        { status: 1, stderr: expect.stringMatching(/of two: gdb \(pid 77\) waits for it, .*; stop it there/) },
      ],
      ["paused", { status: 0, stdout: "dumped\n" }],
      ["crashed", { status: 0, stdout: "dumped\n" }],
    ] as const) {
      state(what);
      expect(duetctl(["dump", "two"]), what).toMatchObject(expected);
    }
  });

  it("is opened in gdb: that of the last dump, or of one that is named by its folder", () => {
    expect(duetctl(["gdb", "--dump", "one"])).toMatchObject({
      status: 1,
      stderr: "duetctl: no memory of one is kept; do duetctl dump one\n",
    });
    const [first, last] = ["2026-01-01T00", "2026-01-02T00"].map((name) => dump(kept("one", name)));
    // Its memory is not kept any more.
    crash("one", "2026-01-03T00", story);
    const opened = (...words: readonly string[]) => duetctl(["gdb", ...words]);
    expect(opened("one", "--dump", "--", "-batch", "-ex", "bt 1")).toMatchObject({
      status: 4,
      stdout: `${last}|-batch|-ex|bt 1|`,
    });
    expect(opened("--dump", "one").stdout).toBe(`${last}|`);
    expect(opened("--dump", "last", "one").stdout).toBe(`${last}|`);
    expect(opened("--dump", "2026-01-01T00", "one").stdout).toBe(`${first}|`);
    expect(opened("one", "--dump", "2025")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("2026-01-01T00, 2026-01-02T00;"),
    });
    expect(opened("--dump", "--")).toMatchObject({ status: 2, stderr: expect.stringContaining("one, two;") });
  });

  it("is opened of any folder, also without a stack", () => {
    const folder = dump(join(home, "elsewhere"));
    expect(duetctl(["gdb", "--dump", `${folder}/`], { XDG_STATE_HOME: "/nonexistent" }).stdout).toBe(`${folder}|`);
    expect(duetctl(["gdb", "--dump", "/nonexistent/a"])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("there is none in /nonexistent/a"),
    });
  });
});

describe.runIf(process.getuid?.() === 0)("the memory of a guest of a person's", () => {
  it("is dumped by root, through sudo", () => {
    const backend = join(home, "backend");
    stand("mine", [access("one", "10.0.0.10", "127.0.0.1:1234")], { backend });
    writeFileSync(join(home, "state/duet/stacks/mine/id"), `0123abcd file://${backend}\n`);
    const watcher = join(home, "shared/stacks/0123abcd/crashes/one/duet-watch");
    writeProgram(watcher, "echo root");
    writeProgram(join(home, "bin/sudo"), 'printf "%s\\n" "$*"');
    const environment = { PULUMI_BACKEND_URL: `file://${backend}` };
    const asked = (uid: number) => duetctl(["dump", "--stack", "mine"], environment, uid);
    expect(asked(65534)).toMatchObject({ status: 0, stdout: expect.stringMatching(`^-A .* -- ${watcher} dump\n$`) });
    expect(asked(0).stdout).toBe("root\n");
  });
});
