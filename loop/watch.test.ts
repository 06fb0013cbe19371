/** The watcher as a process, at steps that say what they are told and write down that they ran. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { exclusive } from "../sandbox/exclusive.ts";
import { until } from "../sandbox/processes.ts";
import { writeProgram } from "../test/support/run-script.ts";
import { temporaryFolder } from "../test/support/temporary-folder.ts";

let home: string;
let folder: string;
let tree: string;
/** Has a step do something else than succeed. */
const does = (step: string, body: string) => writeFileSync(join(home, `${step}.does`), body);

beforeEach(() => {
  home = temporaryFolder("duet-watch-");
  folder = join(home, "state/duet/stacks/dev");
  tree = join(home, "sources/duet-module");
  mkdirSync(tree, { recursive: true });
  writeFileSync(join(tree, "hook.c"), "one\n");
  const keep = (name: string, prints: string, facts = ":") => {
    const file = join(folder, "steps", `${name}.sh`);
    const create = `echo ${name} >>'${home}/calls'; [ ! -e '${home}/${name}.does' ] || . '${home}/${name}.does'; ${prints}`;
    writeProgram(file, `case $1 in facts) ${facts} ;; create) ${create} ;; esac`);
    return file;
  };
  const facts = `cat '${tree}'/*.c`;
  const source = keep("module-source", `${facts} >'${join(folder, "steps/module-source")}'`, facts);
  writeFileSync(source.replace(/\.sh$/, ""), "one\n");
  // As make does, it leaves something in the tree.
  keep("module-build", `date +%N >'${tree}/hook.o'`);
  for (const guest of ["one", "two"]) {
    keep(`${guest}-debug`, "echo address: 0x1");
    keep(`module-${guest}`, `echo "build-id: ${guest}0123456789abcdef"`);
  }
  // ssh -F FILE GUEST bash FILE VERB: a guest keeps its steps elsewhere.
  writeProgram(join(home, "bin/ssh"), `shift 4; exec bash '${folder}/steps/'"\${1##*/}" "$2"`);
  const config = {
    "duet:sources": { directory: join(home, "sources"), kernel: { package: "linux-source-6.1" }, module: { tree } },
    "duet:vms": [{ name: "one" }, { name: "two" }],
  };
  config["duet:sources"] = { ...config["duet:sources"], tools: { copy: "samples/tools" } } as never;
  writeFileSync(join(home, "spec.yaml"), JSON.stringify({ config }));
});

/** Starts it, and gives what it prints. */
async function watcher(stack = "dev") {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "watch.ts"), "--stack", stack, "--config-file", join(home, "spec.yaml")],
    {
      env: { ...process.env, XDG_STATE_HOME: join(home, "state"), PATH: `${join(home, "bin")}:${process.env.PATH}` },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const ended = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const says = async (pattern: RegExp) => {
    await until(20_000, () => pattern.test(output));
    expect(output).toMatch(pattern);
  };
  return { child, says, output: () => output };
}

const calls = () =>
  existsSync(join(home, "calls")) ? readFileSync(join(home, "calls"), "utf8").trim().split("\n") : [];
/** What `up` goes by: it brings the sources if there is none. */
const record = () => join(folder, "steps/module-source");
const save = (text: string) => writeFileSync(join(tree, "hook.c"), text);

describe("the watcher", () => {
  it("builds, loads in each guest and proves what was saved, once, and not what make leaves", async () => {
    const { says, output } = await watcher();
    await says(/watches \S+duet-module for one, two/);
    save("two\n");
    await says(/one: build one012345678 is loaded, [\d.]+ s after the edit/);
    await says(/two: build two012345678 is loaded/);
    await until(20_000, () => calls().length >= 6);
    // make's own file is an event too.
    await until(1000, () => false);
    expect(calls().slice(0, 2)).toEqual(["module-source", "module-build"]);
    expect(calls().slice(2).sort()).toEqual(["module-one", "module-two", "one-debug", "two-debug"]);
    expect(output()).not.toContain("cannot");
  });

  it("builds for each of several kernels, and goes on with the others if one does not build", async () => {
    const spec = JSON.parse(readFileSync(join(home, "spec.yaml"), "utf8"));
    spec.config["duet:kernels"] = { old: {}, next: {} };
    spec.config["duet:vms"] = [
      { name: "one", kernel: "old" },
      { name: "two", kernel: "next" },
    ];
    writeFileSync(join(home, "spec.yaml"), JSON.stringify(spec));
    for (const kernel of ["old", "next"]) {
      writeProgram(join(folder, `steps/module.${kernel}-build.sh`), `echo ${kernel} >>'${home}/calls'`);
    }
    writeProgram(join(folder, "steps/module.old-build.sh"), "echo 'no member named folio' >&2; exit 1");
    const { says } = await watcher();
    save("two\n");
    await says(/cannot build the module for kernel old: no member named folio/);
    await says(/two: build two012345678 is loaded/);
    await until(20_000, () => calls().length >= 4);
    expect(calls()).toEqual(["module-source", "next", "module-two", "two-debug"]);
    // `up` has to bring it into the other one.
    expect(existsSync(record())).toBe(false);
  });

  it("brings what was saved before it began", async () => {
    save("before\n");
    await (await watcher()).says(/one: build/);
  });

  it("says the compiler's first error, loads nothing, and goes on with the next edit", async () => {
    does("module-build", "echo make: noise >&2; echo 'cannot build module duet: hook.c:1:1: error: no' >&2; exit 1");
    const { says } = await watcher();
    save("two\n");
    await says(/^\S+ cannot build module duet: hook\.c:1:1: error: no$/m);
    expect(calls()).toEqual(["module-source", "module-build"]);
    // Nothing is tried again, and `up` finds that the edit is not brought.
    await until(1000, () => calls().length > 2);
    expect([calls().length, existsSync(record())]).toEqual([2, false]);
    does("module-build", ":");
    save("three\n");
    await says(/one: build/);
    await until(20_000, () => existsSync(record()));
    expect(readFileSync(record(), "utf8")).toBe("three\n");
  });

  it("tells of a guest that does not answer, while the others have it, and why it may be so", async () => {
    does("module-two", "exit 255");
    appendFileSync(
      join(folder, "steps/two-debug.sh"),
      "\ncase $1 in explain) echo two has panicked at hook.c:2 ;; esac\n",
    );
    const { says } = await watcher();
    save("two\n");
    await says(/one: build/);
    await says(/two has panicked at hook\.c:2\n\S+ cannot load the module in two: it does not answer.*run pulumi up/);
    expect(calls()).not.toContain("two-debug");
    await until(20_000, () => calls().includes("one-debug"));
    expect(existsSync(record())).toBe(false);
  });

  it("hands on what a proof says that was left out", async () => {
    does("one-debug", "echo 'one is not proven debuggable: gdb (pid 7) is attached' >&2; exit 0");
    const { says } = await watcher();
    save("two\n");
    await says(/one is not proven debuggable: gdb \(pid 7\)/);
  });

  it("waits for an up, and says so", async () => {
    const release = await exclusive("stack dev", folder);
    const { says } = await watcher();
    save("two\n");
    await says(/cannot work on stack dev: pulumi, pid \d+, is working on it/);
    expect(calls()).toEqual([]);
    release();
    await says(/one: build/);
  });

  it("ends at once if it is interrupted while it waits for an up", async () => {
    const release = await exclusive("stack dev", folder);
    onTestFinished(release);
    const { says, child } = await watcher();
    save("two\n");
    await says(/cannot work on stack dev/);
    child.kill("SIGINT");
    expect(await once(child, "exit")).toEqual([130, null]);
    expect(calls()).toEqual([]);
  });

  it("ends what runs if it is interrupted, and waits for that", async () => {
    does("module-build", `trap "echo tidied >>'${home}/calls'; kill \\$!; exit 143" TERM; sleep 30 & wait`);
    const { says, child } = await watcher();
    await says(/watches/);
    save("two\n");
    await until(20_000, () => calls().includes("module-build"));
    child.kill("SIGINT");
    expect(await once(child, "exit")).toEqual([130, null]);
    expect(calls()).toEqual(["module-source", "module-build", "tidied"]);
  });

  it("refuses a stack that has not come up", async () => {
    const { says } = await watcher("other");
    await says(/^watch: cannot watch the module of stack other: it has not come up; run pulumi up first$/m);
  });
});
