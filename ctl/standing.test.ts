import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { stackFolder } from "../launcher/environment.ts";
import { exclusive } from "../sandbox/exclusive.ts";
import { beginHome, duetctl, home, stand, standTwo } from "../test/support/duetctl.ts";
import { writeProgram } from "../test/support/run-script.ts";

beforeEach(beginHome);

describe.runIf(process.getuid?.() === 0)("a stack that stands", () => {
  beforeEach(standTwo);

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

  it("is told of with who works on it", async () => {
    const release = await exclusive("stack dev", stackFolder(join(home, "state/duet"), "dev"));
    onTestFinished(release);
    expect(duetctl(["status"]).stdout).toMatch(/^\S.*, is working on the stack\.\nstack dev, /);
  });

  it("is told of as JSON", () => {
    const { status, stdout } = duetctl(["status", "--json"]);
    expect(status).toBe(0);
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({
      stack: "dev",
      isEmbedded: true,
      builds: [{ kernel: { release: "6.1.1+duet" }, module: "9427da293c5b8116" }],
      module: "duet-x",
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

  it("is drawn, where it is asked for", () => {
    writeProgram(join(home, "bin/guest"), "printf '6.1.1+duet\\n9427da293c5b8116\\n'");
    const { status, stdout, stderr } = duetctl(["graph"]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^<svg .*<\/svg>\n$/s);
    expect(stdout).toContain(">stack dev, on the embedded host</text>");
    expect(stdout).toContain(`>10.0.0.1:${home}/sources</text>`.replaceAll("-", "&#45;"));
    expect(stdout).toContain(">gdb (pid 77)</text>");
    const file = join(home, "stack.svg");
    expect(duetctl(["graph", "--output", file])).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(readFileSync(file, "utf8")).toBe(stdout);
    expect(duetctl(["graph", "-o", join(home, "nowhere/stack.svg")])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^duetctl: cannot write the drawing: .*nowhere.*; name another file$/m),
    });
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
});
