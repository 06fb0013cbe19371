import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "./script-text.ts";
import { sh } from "./shell.ts";
import { type Frame, resultIn, stepCommand, stepFile, stepInput } from "./step.ts";

let root: string;
let records: string;
let record: string;

beforeEach(() => {
  root = temporaryFolder("it's a step-");
  records = join(root, "steps $(x)");
  record = join(records, "one");
  // A step of the test's own sources the frame as the steps of components do.
  writeFileSync(join(root, "frame.sh"), readFileSync(join(import.meta.dirname, "step.sh")));
  mkdirSync(join(root, "lib"));
  for (const library of ["lib/die.sh", "lib/environment.sh"]) {
    writeFileSync(join(root, library), readFileSync(join(import.meta.dirname, library)));
  }
});

let bodies = 0;

interface Functions {
  readonly facts?: string;
  readonly undo?: string;
  /** Other functions. */
  readonly more?: string;
  readonly stdin?: string;
  readonly title?: string;
  readonly across?: readonly string[];
}

/** The file of a step whose functions are these. */
function fileOf(
  create: string,
  { facts = ":", undo = ":", more = "", title = "do it", across }: Functions = {},
): string {
  const body = `create() {\n${create}\n}\nfacts() {\n${facts}\n}\ndelete() {\n${undo}\n}\n${more}\nrun_step "$@"\n`;
  // A file is read once.
  const name = `body${++bodies}.sh`;
  writeFileSync(join(root, name), `. ./frame.sh\n${body}`);
  return stepFile(frame({ title, across }), scriptText(`file://${root}/body.ts`, name, {}), "1.1");
}
const frame = ({ title = "do it", across }: Functions = {}): Frame => ({ title, step: "one", records, across });

/** Runs a step as the command plugin does: the command in a shell, the file on standard input. */
function run(create: string, functions: Functions = {}, verb = "create") {
  return runAs(frame(functions), fileOf(create, functions), verb, functions.stdin);
}

/** The same, in the login shell of another machine if it is not `/bin/bash`. */
function runAs(frame: Frame, file: string, verb: string, stdin = "", shell = "/bin/bash", env = process.env) {
  const input = stepInput(file, stdin);
  const words = ["-c", stepCommand(frame, shell === "/bin/bash", verb).shell];
  return spawnSync(shell, words, { input, encoding: "utf8", cwd: root, env });
}

const recorded = () => readFileSync(record, "utf8");

describe("a step", () => {
  it("prints what its script prints, and records its facts once it has succeeded", () => {
    const ran = run("echo made", { facts: "fact state 1; fact other 2" });
    expect(ran).toMatchObject({ status: 0, stdout: "made\n", stderr: "" });
    expect(recorded()).toBe("state: 1\nother: 2\n");
  });

  it("that runs here for another machine keeps its file and its record there", () => {
    const ssh = join(root, "ssh");
    const there = join(root, "there");
    mkdirSync(there);
    // The other machine has the folder of the steps elsewhere, as this test sees it.
    const bash = `cd '${there.replaceAll("'", "'\\''")}'; echo there >>calls; shift; exec bash -c "$*"`;
    writeFileSync(ssh, `#!/bin/bash\n${bash}\n`, { mode: 0o755 });
    records = "steps";
    const ran = run(sh`echo here >>${join(there, "calls")}`.shell, { facts: `fact "it's" 1`, across: [ssh, "guest"] });
    expect(ran).toMatchObject({ status: 0, stderr: "" });
    expect(readFileSync(join(there, "calls"), "utf8").trim().split("\n")).toContain("here");
    expect(readFileSync(join(there, "steps/one"), "utf8")).toBe("it's: 1\n");
    expect(readFileSync(join(there, "steps/one.sh"), "utf8")).toContain('fact "it\'s" 1');
    expect(existsSync(join(root, "steps"))).toBe(false);
  });

  it("has nothing of its caller's environment that would change what it does, and the way to the internet", () => {
    const functions = { facts: `fact says "$(env | grep -E 'LC_|LANG|FLAGS|proxy')"` };
    const hostile = {
      ...{ LANG: "de_DE.UTF-8", LC_MESSAGES: "de_DE.UTF-8", LANGUAGE: "de", MAKEFLAGS: "-n", CFLAGS: "-Werror" },
      ...{ GIT_DIR: "/nowhere", TAR_OPTIONS: "--wrong", "BASH_FUNC_cat%%": "() { false; }", XDG_CONFIG_HOME: "/x" },
    };
    const kept = { https_proxy: "http://it's:3128", SSH_AUTH_SOCK: "/run/agent", HOME: "/root" };
    const env = { PATH: process.env.PATH, ...hostile, ...kept };
    const ran = runAs(frame(), fileOf("env -0; cat </dev/null", functions), "create", "", "/bin/bash", env);
    expect(ran).toMatchObject({ status: 0, stderr: "" });
    const seen = ran.stdout.split("\0");
    expect(seen).toEqual(expect.arrayContaining([...Object.entries(kept), ["LC_ALL", "C"]].map((it) => it.join("="))));
    const names = seen.map((line) => line.split("=")[0]);
    expect(names.filter((name) => name !== undefined && name in hostile)).toEqual([]);
    expect(recorded()).toBe("says: https_proxy=http://it's:3128\nLC_ALL=C\n");
  });

  /** A step that is run as somebody else, who is the same one here. */
  const asOther = (create: string, stdin = "") => {
    const input = stepInput(fileOf(create), stdin, true);
    const words = ["-c", stepCommand(frame(), true, "create", ["env", "OTHER=1"]).shell];
    return { input, words };
  };

  it("that somebody else runs is the same step, with the same input and the same end", () => {
    const { input, words } = asOther('echo "got $(cat | wc -c)"; exit 7', "é\nx");
    const ran = spawnSync("/bin/bash", words, { input, encoding: "utf8", cwd: root });
    expect(ran).toMatchObject({ status: 7, stdout: "got 4\n", stderr: "" });
    const made = asOther("cat");
    const ends = spawnSync("/bin/bash", made.words, {
      input: made.input,
      encoding: "utf8",
      cwd: root,
      timeout: 20_000,
    });
    expect(ends).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(existsSync(record)).toBe(true);
  });

  it("that somebody else runs ends with its shell, however that ends", async () => {
    // The step's current directory is its caller's.
    const { input, words } = asOther("trap 'touch told; exit' TERM\ntouch begun; while :; do sleep 0.1; done");
    const child = spawn("/bin/bash", words, { cwd: root, stdio: ["pipe", "ignore", "ignore"] });
    child.stdin.end(input);
    await vi.waitFor(() => expect(existsSync(join(root, "begun"))).toBe(true), 10_000);
    child.kill("SIGKILL");
    await vi.waitFor(() => expect(existsSync(join(root, "told"))).toBe(true), 10_000);
    expect(existsSync(record)).toBe(false);
  });

  it("reads the facts after the work, not before", () => {
    run("echo new >state", { facts: 'fact state "$(cat state)"' });
    expect(recorded()).toBe("state: new\n");
  });

  it("has no record while it is incomplete, and fails as its script does", () => {
    run(":");
    expect(existsSync(record)).toBe(true);
    const ran = run(sh`test ! -e ${record} && echo gone; echo why >&2; exit 7`.shell);
    expect(ran).toMatchObject({ status: 7, stdout: "gone\n", stderr: "why\n" });
    expect(existsSync(record)).toBe(false);
  });

  it("ends at the first command that fails, at an unset variable, and at a pipe that fails in its middle", () => {
    for (const bad of ["false", 'echo "$unset_variable"', "false | cat"]) {
      const ran = run(`${bad}\necho after`);
      expect(ran.status).not.toBe(0);
      expect(ran.stdout).not.toContain("after");
      expect(existsSync(record)).toBe(false);
    }
  });

  it("is recorded also if its script ends itself early or replaces its shell", () => {
    for (const early of ["exit 0; false", "exec true"]) {
      rmSync(record, { force: true });
      expect(run(early, { facts: "fact a b" }).status).toBe(0);
      expect(recorded()).toBe("a: b\n");
    }
  });

  it("keeps the facts that could be read if others fail, and shows none of their errors", () => {
    const ran = run(":", { facts: 'ls /nowhere; : "$unset"; false | cat; fact a b; false' });
    expect(ran).toMatchObject({ status: 0, stderr: "" });
    expect(recorded()).toBe("a: b\n");
  });

  it("has its own input after the script, whatever the bytes of either", () => {
    const stdin = "sécret $(x) 'y'\n\n last";
    const ran = run(": größer €; cat", { stdin, facts: "cat" });
    expect(ran.stdout).toBe(stdin);
    expect(recorded()).toBe("");
  });

  it("shows its input in no process list, and keeps it in no file", () => {
    const list = `pid=$$; while [ "$pid" != 1 ] && [ -r "/proc/$pid/cmdline" ]; do
  tr '\\0' ' ' <"/proc/$pid/cmdline"; pid=$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status"); done`;
    const ran = run(list, { stdin: "thesecret" });
    expect(ran.stdout).toContain("bash");
    expect(ran.stdout).not.toContain("thesecret");
    expect(readFileSync(`${record}.sh`, "utf8")).not.toContain("thesecret");
  });

  it("may be longer than a process may have arguments", () => {
    const text = "CONFIG_X=y\n".repeat(40_000);
    const ran = run(sh`printf '%s' ${text} | wc -c`.shell);
    expect(ran.stderr).toBe("");
    expect(ran.stdout.trim()).toBe(String(text.length));
  });

  it("runs nothing that is in its title, its name or its folder", () => {
    const part = fc.constantFrom(..."'\"\\`$(){};&|#*?~ \n\r\ta-", "touch canary", "$(touch canary)", "é");
    const text = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(""));
    const script = scriptText(import.meta.url, "step.sh", {});
    const body = `${script}\ncreate() { printf '%s\\0' "$title" "$step" "$records"; }\nrun_step "$@"\n`;
    fc.assert(
      fc.property(text, text, text, (rest, name, folder) => {
        const title = `t${rest}`;
        const hostile = { title, step: `s${name}`, records: `${root}/r${folder}` };
        const ran = runAs(hostile, stepFile(hostile, body, "1.1"), "create");
        expect(ran).toMatchObject({ status: 0, stdout: `${title}\0s${name}\0${root}/r${folder}\0`, stderr: "" });
        expect(runAs(hostile, stepFile(hostile, body, "1.1"), "delete")).toMatchObject({ status: 0, stderr: "" });
      }),
      { numRuns: 20 },
    );
    expect(readdirSync(root)).not.toContain("canary");
  });

  it("is done and taken back in bash, whatever shell root has there", () => {
    const file = fileOf("words=(a b); cat; touch made", { undo: "words=(a b); rm made", facts: "fact a b" });
    expect(runAs(frame(), file, "create", "typed", "/bin/sh")).toMatchObject({
      status: 0,
      stdout: "typed",
      stderr: "",
    });
    expect(recorded()).toBe("a: b\n");
    expect(runAs(frame(), file, "delete", "", "/bin/sh")).toMatchObject({ status: 0, stderr: "" });
    expect([record, join(root, "made")].filter(existsSync)).toEqual([]);
  });

  it("runs again for another generation, of which its file alone tells", () => {
    const [one, two] = ["1.1", "1.2"].map((generation) => stepFile(frame(), "create() { :; }", generation));
    expect(one).not.toBe(two);
    expect(one?.replace("generation 1.1", "generation 1.2")).toBe(two);
  });

  it("is kept as a file, by which a person may ask for its facts and do it again", () => {
    run("echo made >state", { facts: 'fact state "$(cat state)"' });
    const byHand = (verb: string) => spawnSync("bash", [`${record}.sh`, verb], { encoding: "utf8", cwd: root });
    expect(byHand("facts")).toMatchObject({ status: 0, stdout: "state: made\n" });
    rmSync(join(root, "state"));
    expect(byHand("create").status).toBe(0);
    expect(byHand("facts").stdout).toBe("state: made\n");
    const other = byHand("destroy");
    expect(other.status).toBe(1);
    expect(other.stderr).toMatch(/destroy.*create, facts, delete/);
  });

  it.each(["SIGKILL", "SIGTERM"] as const)(
    "ends with all that it has started if its shell gets a %s",
    async (signal) => {
      const file = fileOf(`bash -c 'bash -c "echo started; sleep 300; :"; :' & wait; :`);
      const child = spawn("/bin/bash", ["-c", stepCommand(frame(), true, "create").shell], {
        stdio: ["pipe", "pipe", "ignore"],
      });
      child.stdin.end(stepInput(file, ""));
      await new Promise((resolve) => child.stdout.once("data", resolve));
      // The pipe closes once nobody is left who could write to it.
      const closed = new Promise((resolve) => child.once("close", resolve));
      child.kill(signal);
      await closed;
      expect(existsSync(record)).toBe(false);
    },
  );
});

describe("a step that is about something else by now", () => {
  /** A step that makes a file of that name, and is about it. */
  const about = (name: string, undo = `rm -- '${name}'`) =>
    fileOf(`touch '${name}'`, { undo: `echo undo >>calls; ${undo}`, more: `identity() { echo '${name}'; }` });
  const make = (file: string) => runAs(frame(), file, "create");

  it("is taken back by the file of its last run before it is made, and once", () => {
    expect(make(about("one")).status).toBe(0);
    expect(make(about("two"))).toMatchObject({ status: 0, stderr: "" });
    expect(["one", "two"].map((name) => existsSync(join(root, name)))).toEqual([false, true]);
    expect(make(about("two")).status).toBe(0);
    expect(readFileSync(join(root, "calls"), "utf8")).toBe("undo\n");
    expect(readFileSync(`${record}.sh`, "utf8")).toContain("touch 'two'");
  });

  it("is not made if it cannot be taken back, and tries again", () => {
    make(about("one", "[ ! -e busy ]"));
    writeFileSync(join(root, "busy"), "");
    expect(make(about("two")).status).not.toBe(0);
    expect(existsSync(join(root, "two"))).toBe(false);
    rmSync(join(root, "busy"));
    expect(make(about("two")).status).toBe(0);
  });

  it("is left alone if the last run did not say what it was about, or less of it, as in earlier versions", () => {
    run("touch one", { undo: "echo undo >>calls" });
    expect(make(about("two")).status).toBe(0);
    expect(make(about("two of three")).status).toBe(0);
    expect(existsSync(join(root, "calls"))).toBe(false);
  });
});

describe("taking a step back", () => {
  const undo = (script: string) => run(":", { undo: script, stdin: "typed" }, "delete");

  it("forgets the record and the file, and may be done twice", () => {
    run(":");
    expect(undo("exit 0").status).toBe(0);
    expect(existsSync(record)).toBe(false);
    expect(undo(":").status).toBe(0);
    expect(readdirSync(records)).toEqual([".completed"]);
    expect(readdirSync(join(records, ".completed"))).toEqual([]);
  });

  it("keeps the record and the file if it fails, so that it is tried again", () => {
    run(":");
    expect(undo("false; true").status).not.toBe(0);
    expect([existsSync(record), existsSync(`${record}.sh`)]).toEqual([true, true]);
  });

  it("reads nothing from whoever runs it", () => {
    expect(undo("cat").stdout).toBe("");
  });

  it("is possible for one that failed at its first run, with what it has left itself", () => {
    const made = join(root, "it's made");
    expect(run(sh`touch ${made}; false`.shell, { undo: sh`rm ${made}`.shell }).status).toBe(1);
    expect(existsSync(join(records, ".completed/one"))).toBe(false);
    const kept = `${record}.sh`;
    expect(spawnSync("bash", [kept, "delete"], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
    expect([made, kept].filter(existsSync)).toEqual([]);
  });

  it("needs nothing of what the machine has kept", () => {
    run(":");
    rmSync(records, { recursive: true });
    const made = join(root, "made");
    writeFileSync(made, "");
    expect(undo(sh`rm ${made}`.shell).status).toBe(0);
    expect(existsSync(made)).toBe(false);
  });
});

describe("what a step hands on", () => {
  it("is the last value of a key, whatever else it prints", () => {
    expect(resultIn("CC x\nrelease: 6.1\nrelease: 6.2 \nother: a: b", "release")).toBe("6.2");
    expect(resultIn("other: a: b", "other")).toBe("a: b");
  });

  it("is any value of one line, or none", () => {
    const value = fc.string({ unit: "binary" }).map((text) => text.replaceAll("\n", "").trim());
    fc.assert(
      fc.property(value, (text) => {
        expect(resultIn(`first: 1\nkey: ${text}\nlast: 1\n`, "key")).toBe(text);
      }),
    );
  });

  it("is an error that names the key if it is missing", () => {
    expect(() => resultIn("releases: 1", "release")).toThrow("no release");
  });
});
