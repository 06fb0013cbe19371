/** duetctl as a process, at a stack that is nothing but its state, with a libvirt and guests that say what they are told. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { sh } from "../components/machine/shell.ts";
import { project } from "../launcher/project.ts";
import { writeProgram } from "../test/support/run-script.ts";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { verbs } from "./verbs/index.ts";

let home: string;
beforeEach(() => {
  home = temporaryFolder("duetctl-");
});

function duetctl(words: readonly string[], environment: NodeJS.ProcessEnv = {}, uid?: number) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(project, "ctl/duetctl.ts"), ...words], {
    encoding: "utf8",
    timeout: 30_000,
    ...(uid === undefined ? {} : { uid, gid: uid }),
    env: {
      PATH: `${home}/bin:${process.env.PATH}`,
      HOME: home,
      XDG_STATE_HOME: join(home, "state"),
      XDG_CACHE_HOME: join(home, "cache"),
      DUET_SHARED: join(home, "shared"),
      ...environment,
    },
  });
  return { status, stdout, stderr };
}

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
    for (const verb of ["status", "ssh", "gdb", "console", "logs", "crash", "config"]) {
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

const access = (name: string, address: string, stub: string) => ({
  name,
  address,
  stub,
  gdbPort: 1234,
  kernelRelease: "6.1.1+duet",
  sshCommand: sh`${join(home, "bin/guest")} ${name}`.shell,
  gdbCommand: sh`echo ${["gdb of", name]}`.shell,
});

/**
 * A stack of the embedded host that is its state and its own copy of the spec.
 *
 * @param backend folder of a file backend, for a stack of somebody's own
 */
function stand(name: string, guests: readonly ReturnType<typeof access>[], backend?: string): void {
  const state = join(home, "state/duet");
  const stacks = join(backend ?? join(state, "pulumi"), ".pulumi/stacks/duet");
  const resource = (type: string, own: string, outputs: unknown) => ({
    urn: `urn:pulumi:${name}::duet::${type}::${own}`,
    type,
    outputs,
  });
  const resources = [
    resource("pulumi:pulumi:Stack", `duet-${name}`, { vms: guests, workspace: "/w/dev.code-workspace" }),
    resource("duet:kernel:KernelBuild", "kernel", { release: "6.1.1+duet", buildId: "79e28f73bfb87c66" }),
    resource("command:local:Command", "module-build", { stdout: "build-id: 9427da293c5b8116" }),
  ];
  mkdirSync(stacks, { recursive: true });
  writeFileSync(join(stacks, `${name}.json`), JSON.stringify({ checkpoint: { latest: { resources } } }));
  mkdirSync(join(state, "stacks", name), { recursive: true });
  writeFileSync(
    join(state, "stacks", name, `Pulumi.${name}.yaml`),
    `config:\n  duet:host: { sandbox: ${backend === undefined} }\n  duet:sources: { directory: ${home}/sources }\n  duet:module: { name: duet-x }\n` +
      `  duet:vms: [${guests.map((guest) => `{ name: ${guest.name} }`).join(", ")}]\n`,
  );
  mkdirSync(join(state, "sandbox/log/qemu"), { recursive: true });
  for (const guest of guests) {
    writeFileSync(join(state, `sandbox/log/qemu/${guest.name}-console.log`), `console of ${guest.name}\nlogin:\n`);
  }
}

describe.runIf(process.getuid?.() === 0)("a stack that stands", () => {
  beforeEach(() => {
    writeProgram(join(home, "bin/ip"), 'shift 3; exec "$@"');
    writeProgram(join(home, "bin/virsh"), "printf ' %s  %s  %s\\n' 1 one running - two 'shut off'");
    writeProgram(
      join(home, "bin/ss"),
      `case "$*" in *established*:1235*) echo 'ESTAB 0 0 1:1 1:1235 users:(("gdb",pid=77,fd=3))';; esac`,
    );
    // It takes the options of ssh as they come, and the script on its standard input.
    writeProgram(
      join(home, "bin/guest"),
      `case "$*" in
*"bash -s") grep -q '^module=duet_x$' || exit 9; [ "$1" = one ] || exec sleep 60; printf '6.1.1+duet\\n9427da293c5b8116\\n' ;;
*) printf '%s|' "$@"; exit 7 ;;
esac`,
    );
    stand("dev", [access("one", "10.0.0.10", "127.0.0.1:1234"), access("two", "10.0.0.11", "127.0.0.1:1235")]);
  });

  it("is told of in lines: what was built, what runs, who is attached, where the console is", () => {
    const begin = performance.now();
    const { status, stdout } = duetctl(["status"]);
    expect(status).toBe(0);
    expect(performance.now() - begin).toBeLessThan(9000);
    expect(stdout).toContain("stack dev, on the embedded host\n");
    expect(stdout).toMatch(/^ {2}kernel {3}6\.1\.1\+duet, build 79e28f73bfb8$/m);
    expect(stdout).toMatch(/^ {2}editor {3}\/w\/dev\.code-workspace$/m);
    const [, one = "", two = ""] = stdout.split("\nguest ");
    expect(one).toMatch(/^one: running\n/);
    expect(one).toMatch(/^ {2}kernel {3}6\.1\.1\+duet$/m);
    expect(one).toMatch(/^ {2}module {3}duet-x, build 9427da293c5b$/m);
    expect(one).toMatch(/nobody is attached to 127\.0\.0\.1:1234/);
    expect(one).toMatch(/one-console\.log \(written \d+ s ago\)$/m);
    expect(two).toMatch(/^two: shut off\n/);
    expect(two).toMatch(/gdb \(pid 77\) is attached to 127\.0\.0\.1:1235/);
    expect(two).toMatch(/^ {2}kernel {3}the guest does not answer$/m);
  });

  it("is told of as JSON", () => {
    const { status, stdout } = duetctl(["status", "--json"]);
    expect(status).toBe(0);
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({
      stack: "dev",
      isEmbedded: true,
      module: { name: "duet-x", buildId: "9427da293c5b8116" },
    });
    expect(told.guests.map(({ name, state }: { name: string; state: string }) => [name, state])).toEqual([
      ["one", "running"],
      ["two", "shut off"],
    ]);
    expect(told.guests[1].debugger).toBe("gdb (pid 77)");
  });

  it("has ssh run by its printed command, which ends as that does", () => {
    const { status, stdout } = duetctl(["ssh", "one", "--", "echo", "a b"]);
    expect(stdout).toBe("one|echo|a b|");
    expect(status).toBe(7);
    const several = duetctl(["ssh", "--", "true"]);
    expect(several).toMatchObject({
      status: 2,
      stderr: "duetctl: cannot choose a guest: stack dev has one, two; name one of them\n",
    });
  });

  it("has gdb run by its printed command, unless somebody is attached", () => {
    expect(duetctl(["gdb", "one", "--", "-ex", "print 1"])).toMatchObject({
      status: 0,
      stdout: "gdb of one -ex print 1\n",
    });
    const busy = duetctl(["gdb", "two"]);
    expect(busy).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/attach to two: .* gdb \(pid 77\); detach/),
    });
  });

  it("has the last crash of a guest, and a list of all", () => {
    const folder = join(home, "state/duet/stacks/dev/crashes/one/reports");
    expect(duetctl(["crash", "one"])).toMatchObject({ status: 1, stderr: expect.stringContaining("no crash of one") });
    for (const [name, text] of [
      ["2026-01-01T00", "the first\n"],
      ["2026-01-02T00", "the last\n"],
    ] as const) {
      mkdirSync(join(folder, name), { recursive: true });
      writeFileSync(join(folder, name, "report.txt"), text);
    }
    // One that is being written.
    mkdirSync(join(folder, ".new-2026"));
    expect(duetctl(["crash", "one"])).toMatchObject({ status: 0, stdout: "the last\n" });
    expect(duetctl(["crash", "one", "--list"]).stdout).toBe(`${folder}/2026-01-01T00\n${folder}/2026-01-02T00\n`);
  });

  it("has logs", () => {
    expect(duetctl(["logs", "one"])).toMatchObject({ status: 0, stdout: "console of one\nlogin:\n" });
    expect(duetctl(["logs", "two", "-n", "1"]).stdout).toBe("login:\n");
    const absent = duetctl(["logs", "--of", "build"]);
    expect(absent).toMatchObject({ status: 1, stderr: expect.stringContaining(`${home}/sources/build/duet-kernel/`) });
  });

  it("has no console without a terminal", () => {
    expect(duetctl(["console", "one"])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("duetctl logs one"),
    });
  });

  it("has the menus of its kernel, whose changes go into the fragment of its spec, as they are printed", () => {
    const build = join(home, "sources/build/duet-kernel");
    mkdirSync(build, { recursive: true });
    mkdirSync(`${build}.config`);
    writeFileSync(join(build, ".config"), "CONFIG_A=y\n# CONFIG_B is not set\n");
    const fragment = join(home, "own.config");
    writeFileSync(fragment, "# mine\nCONFIG_A=y\n");
    const tree = `{ tree: ${home}/sources/t }`;
    writeFileSync(
      join(home, "state/duet/stacks/dev/Pulumi.dev.yaml"),
      `config:\n  duet:host: { sandbox: true }\n  duet:kernel: { fragments: [${fragment}] }\n  duet:vms: [{ name: one }]\n` +
        `  duet:sources: { directory: ${home}/sources, kernel: ${tree}, module: ${tree}, tools: ${tree} }\n`,
    );
    writeProgram(
      join(home, "bin/make"),
      `for word; do case $word in KCONFIG_CONFIG=*) file=\${word#*=};; esac; done
printf '%s|' "$@" >${home}/made; printf '# CONFIG_A is not set\nCONFIG_B=m\n' >"$file"; exit $(cat ${home}/status)`,
    );
    const changes = "# CONFIG_A is not set\nCONFIG_B=m\n";
    writeFileSync(join(home, "status"), "0");
    expect(duetctl(["config", "--print"])).toMatchObject({ status: 0, stdout: changes });
    expect(readFileSync(fragment, "utf8")).toBe("# mine\nCONFIG_A=y\n");
    expect(duetctl(["config", "nconfig"])).toMatchObject({ status: 0, stdout: changes });
    expect(readFileSync(fragment, "utf8")).toBe(`# mine\n${changes}`);
    expect(readFileSync(join(home, "made"), "utf8")).toMatch(
      new RegExp(`^-s\\|-C\\|${home}/sources/t\\|O=${build}\\.config\\|.*\\|nconfig\\|$`),
    );
    expect(readdirSync(`${build}.config`)).toEqual([]);
    expect(readFileSync(join(build, ".config"), "utf8")).toBe("CONFIG_A=y\n# CONFIG_B is not set\n");
    writeFileSync(join(home, "status"), "2");
    expect(duetctl(["config"])).toMatchObject({ status: 2, stdout: "" });
  });

  it("has the log of a guest that has never come up whole, and ssh if it answers, but no gdb", () => {
    stand("dev", []);
    const file = join(home, "state/duet/stacks/dev/Pulumi.dev.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace("[]", "[{ name: one }]"));
    expect(duetctl(["logs"])).toMatchObject({ status: 0, stdout: "console of one\nlogin:\n" });
    expect(duetctl(["status"]).stdout).toMatch(/^guest one: running\n {2}it has never come up whole: /m);
    expect(duetctl(["gdb"])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/one: it has never come up whole/),
    });
    writeProgram(join(home, "bin/ip"), 'shift 3; echo "$@"');
    const config = join(home, "state/duet/stacks/dev/one/ssh_config");
    expect(duetctl(["ssh", "--", "true"]).stdout).toBe(`ssh -F ${config} one true\n`);
  });

  it("is asked for by its name beside another one", () => {
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
    stand("mine", [access("one", "10.0.0.10", "127.0.0.1:1234")], backend());
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
