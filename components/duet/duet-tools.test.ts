import { cpSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, it } from "vitest";
import { lastLine, runScript, type Stubs } from "../../test/run-script.ts";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import type { Machine } from "../machine/machine.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";
import type { StepArgs } from "../machine/step.ts";
import { buildTools, buildToolsFacts, DuetTools, installTools, installToolsFacts, removeTools } from "./duet-tools.ts";

const developer = { uid: 1000, gid: 1000 };
const samples = join(import.meta.dirname, "../../samples");
/** Runs as the user who runs the test. */
const here: Stubs = { setpriv: `while [ "$1" != env ]; do shift; done; exec "$@"` };
let root: string;
let directory: string;

beforeEach(() => {
  root = temporaryFolder("tools-");
  directory = join(root, "duet-tools");
  cpSync(join(samples, "tools"), directory, { recursive: true });
});

describe("the samples", () => {
  it("agree on what goes through the device", () => {
    const [module, tools] = ["module", "tools/duet-progs/include/duet"].map((folder) =>
      readFileSync(join(samples, folder, "duet_ioctl.h"), "utf8"),
    );
    expect(tools).toBe(module);
  });
});

describe("building the tools", () => {
  it("builds the samples without a warning, and knows the build by its checksum", async () => {
    const ran = await runScript(buildTools(directory, developer, "s1"), here);
    expect(ran.stdout).toMatch(/^tools: [0-9a-f]{16}\n$/);
    expect(ran.stderr).not.toContain("warning");
    const facts = await runScript(buildToolsFacts(directory), here);
    expect(facts.stdout.replace("built", "tools")).toBe(ran.stdout);
    rmSync(join(directory, "duet-progs/libduet.so.1"));
    expect((await runScript(buildToolsFacts(directory), here)).stdout).not.toBe(facts.stdout);
  });

  it("says that there is no Makefile", async () => {
    rmSync(join(directory, "duet-progs/Makefile"));
    expect(lastLine(await runScript(buildTools(directory, developer, "s1"), here))).toContain(
      "there is no Makefile: check duet:sources",
    );
  });
});

/** With a /usr/local and a linker's cache of its own, in a mount namespace. Only root may mount. */
const inGuest = (stubs: Stubs, ...scripts: readonly Shell[]) =>
  runScript(
    lines(
      sh`mkdir "$STUBS/up" "$STUBS/work" "$STUBS/etc"; cp -r /etc/ld.so.conf /etc/ld.so.conf.d "$STUBS/etc"`,
      sh`mount -t tmpfs tmpfs /usr/local; mount --bind "$STUBS/etc" /etc`,
      ...scripts,
    ),
    stubs,
    ["unshare", "--mount"],
  );

describe.runIf(process.getuid?.() === 0)("installing the tools", () => {
  beforeEach(() => runScript(buildTools(directory, developer, "s1"), here));
  // The real command asks the real module, which is not here.
  const install = () => installTools(directory, "sum");

  it("installs under /usr/local, and the linker finds the library", async () => {
    const ran = await inGuest(here, sh`( ${install()} ) || :`, installToolsFacts());
    expect(ran.stdout).toMatch(/^\/usr\/local\/bin\/dummy_task: [0-9a-f]{16}$/m);
    expect(ran.stdout).toMatch(/^\/usr\/local\/include\/duet\/duet_ioctl\.h: [0-9a-f]{16}$/m);
    expect(ran.stdout).toMatch(/^linker finds libduet\.so\.1: \/usr\/local\/lib\/libduet\.so\.1$/m);
  });

  it("says that the command does not reach the module", async () => {
    const ran = await inGuest(here, install());
    expect(lastLine(ran)).toBe(
      "the command duet was installed, and `duet status report` fails: duet: /dev/duet: not there, load the module with `modprobe duet`",
    );
    expect(ran.code).toBe(1);
  });

  it("removes all of it, twice, and nothing else", async () => {
    const ran = await inGuest(
      here,
      sh`mkdir -p /usr/local/lib; echo mine >/usr/local/lib/mine; ( ${install()} ) || :`,
      removeTools(),
      removeTools(),
      sh`find /usr/local -type f -o -type l; ldconfig -p | grep libduet || :`,
    );
    expect(ran.code).toBe(0);
    expect(ran.stdout).toBe("/usr/local/lib/mine\n");
  });
});

describe("DuetTools", () => {
  it("builds once, and installs that build in each guest", async () => {
    const steps: Record<string, StepArgs> = {};
    const machine = {
      step: (name: string, args: StepArgs) => {
        steps[name] = args;
        return { stdout: pulumi.output("tools: 123"), resource: {} };
      },
    } as unknown as Machine;
    pulumi.runtime.setMocks({
      newResource: (args) => ({ id: args.name, state: args.inputs }),
      call: (args) => args.inputs,
    });
    const guest = (name: string) => ({ name, machine, dependsOn: [] });
    const made = new DuetTools("tools", { directory, sources: "s1", developer, guests: [guest("one"), guest("two")] });
    expect(Object.keys(steps)).toEqual(["tools-build", "tools-one", "tools-two"]);
    expect(Object.keys(made.installed)).toEqual(["one", "two"]);
    const create = await new Promise<string>((resolve) =>
      pulumi.output(steps["tools-two"]?.create).apply((script) => resolve(script?.shell ?? "")),
    );
    expect(create).toMatch(/^: build 123\n/);
  });
});
