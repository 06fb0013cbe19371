import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { access, beginHome, duetctl, home, stand, standTwo } from "../test/support/duetctl.ts";
import { writeProgram } from "../test/support/run-script.ts";
import { verbs } from "./verbs/index.ts";

beforeEach(beginHome);

describe("help", () => {
  it.each(verbs.map((verb) => [verb().name()]))("of %s has an example, within 80 columns", (name) => {
    const { status, stdout } = duetctl([name, "--help"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Examples:\\n  .*duetctl ${name}`, "m"));
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  it("of the whole names each verb in one line, and the exit codes", () => {
    const { status, stdout } = duetctl(["--help"]);
    expect(status).toBe(0);
    for (const verb of verbs) {
      expect(stdout).toContain(`\n  ${verb().name().padEnd(10)}  ${verb().description()}\n`);
    }
    expect(stdout).toMatch(/^ {2}3 {2}the stack does not stand$/m);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  it("loads no other library than the one that parses, and nothing of the launcher", () => {
    const coverage = join(home, "coverage");
    expect(duetctl(["--help"], { NODE_V8_COVERAGE: coverage }).status).toBe(0);
    const loaded = readdirSync(coverage).flatMap((file) =>
      JSON.parse(readFileSync(join(coverage, file), "utf8")).result.map(({ url }: { url: string }) => url),
    );
    const libraries = loaded.flatMap((url: string) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
    expect(loaded.some((url: string) => url.endsWith("/ctl/duetctl.ts"))).toBe(true);
    expect(new Set(libraries)).toEqual(new Set(["commander"]));
    expect(loaded.filter((url: string) => url.includes("/launcher/"))).toEqual([]);
  });
});

describe("a command line that is wrong", () => {
  it("ends with 2 and a line that says what is", () => {
    expect(duetctl(["statsu"])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^duetctl: .*'statsu'\n.*status/),
    });
    expect(duetctl(["status", "--nope"])).toMatchObject({ status: 2, stderr: expect.stringContaining("--nope") });
    expect(duetctl(["logs", "--of", "love"])).toMatchObject({ status: 2, stderr: expect.stringContaining("console") });
    expect(duetctl([]).status).toBe(2);
  });
});

describe("without a stack", () => {
  it("ends with 3 for what needs one", () => {
    for (const verb of ["status", "ssh", "gdb", "console", "graph", "logs", "perf", "crash", "dump", "config"]) {
      expect(duetctl([verb])).toMatchObject({
        status: 3,
        stderr: expect.stringMatching(/^duetctl: no stack stands; /),
      });
    }
  });

  it("hands to the launcher what brings one up, with the name that was given", () => {
    for (const verb of ["up", "preview", "destroy"]) {
      const { status, stderr } = duetctl([verb, "--stack", "nowhere"]);
      expect(status).toBe(1);
      expect(stderr).toMatch(/^duet: cannot find the spec of stack nowhere: /);
    }
  });
});

describe.runIf(process.getuid?.() === 0)("a stack beside another one", () => {
  it("is asked for by its name", () => {
    standTwo();
    stand("other", []);
    expect(duetctl(["status"])).toMatchObject({ status: 2, stderr: expect.stringContaining("there are dev, other;") });
    expect(duetctl(["ssh", "--stack", "other"])).toMatchObject({
      status: 3,
      stderr: expect.stringContaining("no guest"),
    });
    expect(duetctl(["destroy"])).toMatchObject({ status: 2, stderr: expect.stringContaining("--stack") });
  });
});

describe.runIf(process.getuid?.() === 0)("a stack of a person's on a host that others use", () => {
  /** The account nobody, which every Debian has. */
  const person = 65534;
  const backend = () => join(home, "backend");
  const own = (words: readonly string[], uid: number | undefined, environment: NodeJS.ProcessEnv = {}) =>
    duetctl(words, { PULUMI_BACKEND_URL: `file://${backend()}`, ...environment }, uid);

  beforeEach(() => {
    writeProgram(join(home, "bin/virsh"), `echo "$*" >>${home}/asked; printf ' 1  one  running\\n'`);
    writeProgram(join(home, "bin/ss"), "");
    writeProgram(join(home, "bin/guest"), "printf '6.1.1+duet\\n9427da293c5b8116\\n'");
    stand("mine", [access("one", "10.0.0.10", "127.0.0.1:1234")], { backend: backend() });
    writeFileSync(join(home, "state/duet/stacks/mine/id"), `0123abcd file://${backend()}\n`);
    const consoles = join(home, "shared/stacks/0123abcd/consoles");
    mkdirSync(consoles, { recursive: true });
    writeFileSync(join(consoles, "one-console.log"), "console of one\n");
    expect(spawnSync("chown", ["-R", `${person}:${person}`, home]).status).toBe(0);
  });

  it("is that person's to look at, without root: with the system's libvirt, and the console that root keeps", () => {
    const { status, stdout, stderr } = own(["status"], person);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^stack mine, on qemu:\/\/\/system$/m);
    expect(stdout).toMatch(/^guest one: running$/m);
    expect(stdout).toContain("shared/stacks/0123abcd/consoles/one-console.log (written");
    expect(readFileSync(join(home, "asked"), "utf8")).toContain("--connect qemu:///system list");
    expect(own(["logs"], person)).toMatchObject({ status: 0, stdout: "console of one\n" });
    expect(own(["ssh", "--", "true"], person).status).toBe(0);
  });

  it("is that person's also if sudo is typed before it", () => {
    writeProgram(join(home, "bin/getent"), `echo "eve:x:${person}:${person}::${home}:/bin/bash"`);
    writeProgram(join(home, "bin/ss"), `id -u >${home}/who`);
    // What is below that one's home counts, and not the folders that root has chosen.
    mkdirSync(join(home, ".local"), { recursive: true });
    renameSync(join(home, "state"), join(home, ".local/state"));
    expect(spawnSync("chown", ["-R", `${person}:${person}`, home]).status).toBe(0);
    expect(own(["status", "--stack", "mine"], undefined, { SUDO_UID: `${person}` }).stdout).toContain(
      "guest one: running",
    );
    expect(readFileSync(join(home, "who"), "utf8")).toBe(`${person}\n`);
  });

  it("of the embedded host is root's", () => {
    stand("dev", []);
    expect(spawnSync("chown", ["-R", `${person}:${person}`, home]).status).toBe(0);
    expect(own(["status", "--stack", "dev"], person)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^duetctl: cannot look at stack dev, .*: it needs root; /),
    });
  });
});
