import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import { lines, type Shell, sh } from "./shell.ts";
import { createScript, deleteScript, recordFile, stepCommand, stepInput, undoSuffix } from "./step.ts";

let root: string;
let record: string;

beforeEach(() => {
  root = temporaryFolder("it's a step-");
  record = recordFile(join(root, "steps $(x)"), "one");
});

/** Runs a step as the command plugin does: the command in a shell, the script on standard input. */
function run(create: Shell, { facts = sh`:`, undo = sh`:`, stdin = "", title = "do it" } = {}) {
  const input = stepInput(createScript(record, 1, { create, facts, undo: deleteScript(record, undo) }), stdin);
  return spawnSync("/bin/bash", ["-c", stepCommand(title).shell], { input, encoding: "utf8", cwd: root });
}

const recorded = () => readFileSync(record, "utf8");

describe("a step", () => {
  it("prints what its script prints, and records its facts once it has succeeded", () => {
    const ran = run(sh`echo made`, { facts: sh`echo 'state: 1'; echo 'other: 2'` });
    expect(ran).toMatchObject({ status: 0, stdout: "made\n", stderr: "" });
    expect(recorded()).toBe("state: 1\nother: 2\n");
  });

  it("that runs here for another machine keeps its record there", () => {
    const ssh = join(root, "ssh");
    writeFileSync(ssh, '#!/bin/bash\necho there >>calls; shift; exec bash -c "$*"\n', { mode: 0o755 });
    const scripts = { create: sh`echo here >>calls`, facts: sh`echo "it's: 1"`, across: [ssh, "guest"] };
    const input = stepInput(createScript(record, 1, scripts), "");
    const ran = spawnSync("/bin/bash", ["-c", stepCommand("do it").shell], { input, encoding: "utf8", cwd: root });
    expect(ran).toMatchObject({ status: 0, stderr: "" });
    expect(readFileSync(join(root, "calls"), "utf8")).toBe("there\nhere\nthere\n");
    expect(recorded()).toBe("it's: 1\n");
  });

  it("reads the facts after the work, not before", () => {
    run(sh`echo new >state`, { facts: sh`printf 'state: %s\n' "$(cat state)"` });
    expect(recorded()).toBe("state: new\n");
  });

  it("has no record while it is incomplete, and fails as its script does", () => {
    run(sh`:`);
    expect(existsSync(record)).toBe(true);
    const ran = run(sh`test ! -e ${record} && echo gone; echo why >&2; exit 7`);
    expect(ran).toMatchObject({ status: 7, stdout: "gone\n", stderr: "why\n" });
    expect(existsSync(record)).toBe(false);
  });

  it("ends at the first command that fails, at an unset variable, and at a pipe that fails in its middle", () => {
    for (const bad of [sh`false`, sh`echo "$unset_variable"`, sh`false | cat`]) {
      const ran = run(lines(bad, sh`echo after`));
      expect(ran.status).not.toBe(0);
      expect(ran.stdout).not.toContain("after");
      expect(existsSync(record)).toBe(false);
    }
  });

  it("is recorded also when its script ends itself early or replaces its shell", () => {
    for (const early of [sh`exit 0; false`, sh`exec true`]) {
      rmSync(record, { force: true });
      expect(run(early, { facts: sh`echo 'a: b'` }).status).toBe(0);
      expect(recorded()).toBe("a: b\n");
    }
  });

  it("keeps the facts that could be read when others fail, and shows none of their errors", () => {
    const ran = run(sh`:`, { facts: sh`ls /nowhere; : "$unset"; false | cat; echo 'a: b'; false` });
    expect(ran).toMatchObject({ status: 0, stderr: "" });
    expect(recorded()).toBe("a: b\n");
  });

  it("has its own input after the script, whatever the bytes of either", () => {
    const stdin = "sécret $(x) 'y'\n\n last";
    const ran = run(sh`: ${"größer €"}; cat`, { stdin, facts: sh`cat` });
    expect(ran.stdout).toBe(stdin);
    expect(recorded()).toBe("");
  });

  it("shows its input in no process list", () => {
    const list = sh`pid=$$; while [ "$pid" != 1 ] && [ -r "/proc/$pid/cmdline" ]; do tr '\0' ' ' <"/proc/$pid/cmdline"; pid=$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status"); done`;
    const ran = run(list, { stdin: "thesecret" });
    expect(ran.stdout).toContain("bash");
    expect(ran.stdout).not.toContain("thesecret");
  });

  it("may be longer than a process may have arguments", () => {
    const text = "CONFIG_X=y\n".repeat(40_000);
    const ran = run(sh`printf '%s' ${text} | wc -c`);
    expect(ran.stderr).toBe("");
    expect(ran.stdout.trim()).toBe(String(text.length));
  });

  it("runs nothing that is in its title", () => {
    const ran = run(sh`echo made`, { title: `a'b\ntouch canary\n$(touch canary)` });
    expect(ran).toMatchObject({ status: 0, stdout: "made\n" });
    expect(existsSync(join(root, "canary"))).toBe(false);
  });

  it("runs again for another generation, of which its command's text alone tells", () => {
    const [one, two] = [1, 2].map(
      (generation) => createScript(record, generation, { create: sh`a`, facts: sh`b` }).shell,
    );
    expect(one).not.toBe(two);
    expect(one?.replace("generation 1", "generation 2")).toBe(two);
  });

  it("has no record after it was killed in its middle", async () => {
    run(sh`:`);
    const create = sh`echo started; read -r _ <${join(root, "never")}`;
    const input = stepInput(createScript(record, 1, { create, facts: sh`:` }), "");
    spawnSync("mkfifo", [join(root, "never")]);
    const child = spawn("/bin/bash", ["-c", stepCommand("wait").shell], { stdio: ["pipe", "pipe", "ignore"] });
    child.stdin.end(input);
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    // Lets go what waits for the fifo, now without a parent.
    writeFileSync(join(root, "never"), "\n");
    await new Promise((resolve) => child.once("close", resolve));
    expect(existsSync(record)).toBe(false);
  });
});

describe("taking a step back", () => {
  const undo = (script: Shell) =>
    spawnSync("/bin/bash", ["-c", deleteScript(record, script).shell], { input: "typed", encoding: "utf8" });

  it("forgets the record, and may be done twice", () => {
    run(sh`:`);
    expect(undo(sh`exit 0`).status).toBe(0);
    expect(existsSync(record)).toBe(false);
    expect(undo(sh`:`).status).toBe(0);
  });

  it("keeps the record when it fails, so that it is tried again", () => {
    run(sh`:`);
    expect(undo(sh`false; true`).status).not.toBe(0);
    expect(existsSync(record)).toBe(true);
  });

  it("reads nothing from whoever runs it", () => {
    expect(undo(sh`cat`).stdout).toBe("");
  });

  it("is possible for one that failed at its first run, with what it has left itself", () => {
    const made = join(root, "it's made");
    expect(run(sh`touch ${made}; false`, { undo: sh`rm ${made}` }).status).toBe(1);
    const kept = `${record}${undoSuffix}`;
    expect(spawnSync("bash", [kept], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
    expect([made, kept].filter(existsSync)).toEqual([]);
  });

  it("leaves nothing to be taken back", () => {
    run(sh`:`);
    undo(sh`:`);
    expect(readdirSync(dirname(record))).toEqual([]);
  });
});
