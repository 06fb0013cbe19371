import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, it } from "vitest";
import { lastLine, runScript, type Stubs } from "../../test/run-script.ts";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import type { Machine } from "../machine/machine.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";
import type { StepArgs } from "../machine/step.ts";
import {
  buildFacts,
  buildModule,
  DuetModule,
  installFacts,
  installModule,
  type ModulePaths,
  removeModule,
} from "./duet-module.ts";

const developer = { uid: 1000, gid: 1000 };
let root: string;
let paths: ModulePaths;

beforeEach(() => {
  root = temporaryFolder("it's a module-");
  paths = { directory: join(root, "duet-module"), buildDirectory: join(root, "build"), module: "duet" };
  mkdirSync(paths.directory);
  mkdirSync(paths.buildDirectory);
  writeFileSync(join(paths.directory, "Makefile"), "");
  writeFileSync(join(paths.buildDirectory, "Module.symvers"), "");
});

/** The commands of a build, as the user who runs the test. */
const builders = (make: string): Stubs => ({
  setpriv: `while [ "$1" != env ]; do shift; done; exec "$@"`,
  make,
  readelf: `cat -- "\${@: -1}" 2>/dev/null | sed 's/^/    Build ID: /'`,
});

describe("building the module", () => {
  const build = (make: string) => runScript(buildModule(paths, developer, "s1", "k1"), builders(make));

  it("is make -C KDIR M=DIR modules, and prints the build id", async () => {
    const ran = await build(`printf '%s\\n' "$@"; echo abc123 >"${"$"}{4#M=}/duet.ko"`);
    expect(ran.stdout).toBe("build-id: abc123\n");
    expect(ran.stderr).toMatch(new RegExp(`^-j\\d+\n-C\n${paths.buildDirectory}\nM=${paths.directory}\nmodules\n$`));
    expect((await runScript(buildFacts(paths), builders(""))).stdout).toBe("built: abc123\n");
  });

  it("reports the compiler's first error, after all of its lines", async () => {
    const ran = await build(
      `echo 'hook.c:7:2: warning: unused'; echo 'hook.c:9:1: error: first'; echo 'hook.c:10:1: error: second' >&2; echo 'make: *** [duet.ko] Error 2'; exit 2`,
    );
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain("hook.c:10:1: error: second\n");
    expect(lastLine(ran)).toBe("module duet was to be built, and is not: hook.c:9:1: error: first");
  });

  it("reports a symbol that the kernel lacks, and a make without any word", async () => {
    const modpost = 'ERROR: modpost: "no_such" [duet.ko] undefined!';
    expect(lastLine(await build(`echo '${modpost}'; exit 2`))).toBe(
      `module duet was to be built, and is not: ${modpost}`,
    );
    expect(lastLine(await build("exit 2"))).toBe(
      "module duet was to be built, and is not: make printed nothing within 1800 s, or had to wait 1800 s for another one",
    );
  });

  it("waits for another build of the same", async () => {
    const order = join(root, "order");
    const slow = sh`echo begin >>${order}; sleep 0.3; echo end >>${order}`.shell;
    await Promise.all([build(slow), build(slow)]);
    expect(readFileSync(order, "utf8")).toBe("begin\nend\nbegin\nend\n");
  });

  it("says what is missing before anything runs", async () => {
    expect(lastLine(await build(":"))).toContain("made no duet.ko: check duet:module.name");
    rmSync(join(paths.buildDirectory, "Module.symvers"));
    expect(lastLine(await build("exit 9"))).toContain("which is not built: run pulumi up");
    rmSync(join(paths.directory, "Makefile"));
    expect(lastLine(await build("exit 9"))).toContain("there is no Makefile: check duet:sources");
  });
});

/** What is before a build id among ELF notes, for printf. */
const noteHead = "\\4\\0\\0\\0\\24\\0\\0\\0\\3\\0\\0\\0GNU\\0";
const id = "abcd".repeat(10);

/**
 * A guest for the scripts that load: its /etc and /sys/module are empty file systems of a mount namespace, and the
 * commands that load play with those.
 */
function guest(change: Stubs = {}): Stubs {
  return {
    modinfo: `case "$1 $2" in '-F vermagic') echo "$(uname -r) SMP mod_unload";; *) echo "$STUBS/installed.ko";; esac`,
    make: `echo "make $*" >&2; cp "${"$"}{3#M=}/duet.ko" "$STUBS/installed.ko"`,
    depmod: ":",
    readelf: builders("").readelf ?? "",
    modprobe: `mkdir -p /sys/module/$1/notes; printf '${noteHead}${"\\xab\\xcd".repeat(10)}' >/sys/module/$1/notes/.note.gnu.build-id; echo modprobe >>"$STUBS/calls"`,
    rmmod: `rm -r /sys/module/$1; echo rmmod >>"$STUBS/calls"`,
    dmesg: `sed 's/^/[   12.5] /' /dev/kmsg; cat "$STUBS/dmesg" 2>/dev/null`,
    ...change,
  };
}

/** Only root may mount, and a test never touches the real files. */
const inGuest = (stubs: Stubs, ...scripts: readonly Shell[]) =>
  runScript(
    lines(
      sh`mount -t tmpfs tmpfs /etc; mkdir /etc/modules-load.d; mount -t tmpfs tmpfs /sys/module; : >"$STUBS/kmsg" >"$STUBS/calls"; mount --bind "$STUBS/kmsg" /dev/kmsg`,
      ...scripts,
      sh`cat -- "$STUBS/calls" >&2`,
    ),
    stubs,
    ["unshare", "--mount"],
  );

describe.runIf(process.getuid?.() === 0)("loading the module", () => {
  beforeEach(() => writeFileSync(join(paths.directory, "duet.ko"), `${id}\n`));

  it("installs it, loads it, has it loaded at boot, and leaves it loaded the second time", async () => {
    const install = installModule(paths, id, "k1");
    const ran = await inGuest(guest(), install, install, installFacts("duet"));
    expect(ran.stderr.match(/^(modprobe|rmmod)$/gm)).toEqual(["modprobe"]);
    const said = `build-id: ${id}\nbuild-id: ${id}\nmodule: loaded\nmodule build: ${id}\n`;
    expect(ran.stdout.slice(0, said.length)).toBe(said);
    expect(ran.stdout.slice(said.length)).toMatch(/^module file: \w{16}\nloaded at boot: duet\n$/);
  });

  it("replaces another build", async () => {
    const old = sh`mkdir -p /sys/module/duet/notes; printf ${`${noteHead}${"\\0".repeat(20)}`} >/sys/module/duet/notes/.note.gnu.build-id`;
    const ran = await inGuest(guest(), old, installModule(paths, id, "k1"));
    expect(ran.stderr.match(/^(modprobe|rmmod)$/gm)).toEqual(["rmmod", "modprobe"]);
    expect(ran.code).toBe(0);
  });

  it("names what holds the build that is to go", async () => {
    const old = sh`mkdir -p /sys/module/duet/holders; echo 1 >/sys/module/duet/refcnt`;
    const find = `echo /proc/${process.pid}/fd/7`;
    const ran = await inGuest(guest({ rmmod: "exit 1", find }), old, installModule(paths, id, "k1"));
    expect(lastLine(ran)).toMatch(
      /^module duet is to be unloaded, and is held by .+ \(pid \d+\): end that and run this/,
    );
    const unknown = await inGuest(guest({ rmmod: "exit 1" }), old, installModule(paths, id, "k1"));
    expect(lastLine(unknown)).toContain("is held by a use count of 1: end that");
  });

  it("names the kernels when they do not match, and changes nothing", async () => {
    const ran = await inGuest(guest({ modinfo: "echo 6.0+duet-1 SMP" }), installModule(paths, id, "k1"));
    expect(lastLine(ran)).toMatch(
      /^module duet is built for kernel 6.0\+duet-1, and this guest runs .+: boot that kernel/,
    );
    expect(ran.stderr).not.toContain("make ");
  });

  it("names the symbol that the kernel lacks, and not one of an earlier time", async () => {
    const modprobe = `printf 'duet: Unknown symbol no_such (err -2)\\nother: line\\n' >"$STUBS/dmesg"; echo "modprobe: ERROR: could not insert 'duet': Unknown symbol in module" >&2; exit 1`;
    const earlier = "duet: Unknown symbol old (err -2)";
    const dmesg = `{ echo '${earlier}'; cat /dev/kmsg "$STUBS/dmesg"; } | sed 's/^/[   12.5] /'`;
    const ran = await inGuest(guest({ modprobe, dmesg }), installModule(paths, id, "k1"));
    expect(lastLine(ran)).toBe(
      "module duet is to be loaded, and the kernel refuses it: duet: Unknown symbol no_such (err -2)",
    );
  });

  it("is undone", async () => {
    const ran = await inGuest(
      guest(),
      installModule(paths, id, "k1"),
      removeModule("duet"),
      removeModule("duet"),
      installFacts("duet"),
    );
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain("module: not loaded\nmodule build: \nmodule file: \nloaded at boot: \n");
  });
});

describe("DuetModule", () => {
  /** Makes it with machines in name only. Gives their steps, by machine and name, and the component. */
  function make(more: (machine: (name: string) => Machine) => { readonly host?: Machine } = () => ({})) {
    const steps: Record<string, StepArgs> = {};
    const machine = (name: string) =>
      ({
        step: (step: string, args: StepArgs) => {
          steps[`${name}: ${step}`] = args;
          return { stdout: pulumi.output("build-id: abcd"), resource: {} };
        },
      }) as unknown as Machine;
    pulumi.runtime.setMocks({
      newResource: (args) => ({ id: args.name, state: args.inputs }),
      call: (args) => args.inputs,
    });
    const made = new DuetModule("module", {
      ...paths,
      sources: "s1",
      kernel: "k1",
      developer,
      guests: [
        { name: "one", machine: machine("one"), dependsOn: [] },
        { name: "two", machine: machine("two"), dependsOn: [] },
      ],
      ...more(machine),
    });
    return { steps, made };
  }

  it("builds once, and installs that build in each guest", async () => {
    const { steps, made } = make();
    expect(Object.keys(steps)).toEqual(["one: module-build", "one: module-one", "two: module-two"]);
    expect(Object.keys(made.loaded)).toEqual(["one", "two"]);
    const create = await new Promise<string>((resolve) =>
      pulumi.output(steps["two: module-two"]?.create).apply((script) => resolve(script?.shell ?? "")),
    );
    expect(create).toMatch(/^: build abcd kernel k1\n/);
  });

  it("builds on the host where it is asked to, and still installs in each guest", () => {
    const { steps } = make((machine) => ({ host: machine("host") }));
    expect(Object.keys(steps)).toEqual(["host: module-build", "one: module-one", "two: module-two"]);
  });
});
