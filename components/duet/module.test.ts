import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { deploy, given, localGuest, localHost, type Made, printedOf } from "../../test/support/mocks.ts";
import { lastLine, runLibrary, runStep, type Stubs, type Verb, writeProgram } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { KernelBuild } from "../kernel/build.ts";
import { KernelConfig } from "../kernel/config.ts";
import { hostToolchain, type Toolchain } from "../kernel/toolchain.ts";
import { scriptText } from "../machine/script.ts";
import { sh } from "../machine/shell.ts";
import { SourceTree } from "../sources/source-tree.ts";
import { DuetModule } from "./module.ts";

let root: string;
let paths: { tree: string; build: string; module: string };
const developer = { uid: 1000, gid: 1000 };
/** What the step of the sources hands on. */
const sources = () => ({ sources: "s1", made_note: join(root, "made") });

beforeEach(() => {
  root = temporaryFolder("it's a module-");
  paths = { tree: join(root, "duet-module"), build: join(root, "build"), module: "duet" };
  mkdirSync(paths.tree);
  mkdirSync(paths.build);
  writeFileSync(join(paths.tree, "Makefile"), "");
  writeFileSync(join(paths.build, "Module.symvers"), "");
});

/** The commands of a build, as the user who runs the test. */
const builders = (make: string): Stubs => ({
  setpriv: `while [ "$1" != env ]; do shift; done; exec /usr/bin/setpriv --pdeathsig TERM "$@"`,
  make,
  readelf: `cat -- "\${@: -1}" 2>/dev/null | sed 's/^/    Build ID: /'`,
});

describe("building the module", () => {
  const script = (debug = "") =>
    scriptText(import.meta.url, "module-build.sh", {
      ...paths,
      ...developer,
      ...sources(),
      ...{ objects: paths.tree, debug, kernel: "k1", directory: root, build_root: "", compiler: "gcc" },
    });
  const build = (make: string, debug?: string) => runStep(script(debug), "create", { stubs: builders(make) });

  it("is make -C KDIR M=DIR modules, and prints the build id", async () => {
    const ran = await build(`printf '%s\\n' "$@"; echo abc123 >"${"$"}{4#M=}/duet.ko"`);
    expect(ran.stdout).toBe("build-id: abc123\n");
    expect(ran.stderr).toMatch(new RegExp(`^-j\\d+\n-C\n${paths.build}\nM=${paths.tree}\nCC=gcc\nmodules\n$`));
    expect((await runStep(script(), "facts", { stubs: builders("") })).stdout).toBe("built: abc123\n");
  });

  it("is made for one of several kernels in a folder of links, with the lines of the sources", async () => {
    const objects = join(root, "build/duet-module.duet");
    mkdirSync(join(paths.tree, "lib"));
    writeFileSync(join(paths.tree, "lib/a file.c"), "");
    writeFileSync(join(paths.tree, "main.o"), "of another kernel");
    const one = scriptText(import.meta.url, "module-build.sh", {
      ...{ ...paths, ...developer, ...sources() },
      ...{ objects, debug: "", kernel: "k1", directory: root, build_root: "", compiler: "gcc" },
    });
    const make = `printf '%s\\n' "$@"; echo made >"${"$"}{4#M=}/made.h"; echo abc123 >"${"$"}{4#M=}/duet.ko"`;
    const build = () => runStep(one, "create", { stubs: builders(make) });
    const ran = await build();
    expect(ran.stdout).toBe("build-id: abc123\n");
    const map = `-fdebug-prefix-map=${objects}=${paths.tree}`;
    expect(ran.stderr).toContain(`M=${objects}\nCC=gcc\nKCFLAGS=${map}\nKAFLAGS=${map}\nmodules\n`);
    expect(readdirSync(objects, { recursive: true }).sort()).toEqual(
      ["Makefile", "duet.ko", "lib", "lib/a file.c", "made.h"].sort(),
    );
    expect(readlinkSync(join(objects, "lib/a file.c"))).toBe(join(paths.tree, "lib/a file.c"));
    expect(readdirSync(paths.tree).sort()).toEqual(["Makefile", "lib", "main.o"]);
    rmSync(join(paths.tree, "lib/a file.c"));
    await build();
    expect(readdirSync(join(objects, "lib"))).toEqual([]);
    const failing = builders(sh`echo ${`${objects}/main.c:3:1: error: no`} >&2; exit 2`.shell);
    const failed = await runStep(one, "create", { stubs: failing });
    expect(lastLine(failed)).toBe(`cannot build module duet: ${paths.tree}/main.c:3:1: error: no`);
  });

  it("is refused where a program of the kernel's build does not run, by the newest glibc that is needed", async () => {
    const needed = { "scripts/basic/fixdep": "2.9", "scripts/mod/modpost": "2.38", "tools/objtool/objtool": "2.36" };
    for (const [program, version] of Object.entries(needed)) {
      const said = `${program}: /lib/x86_64-linux-gnu/libc.so.6: version \`GLIBC_${version}' not found`;
      writeProgram(join(paths.build, program), sh`echo ${said} >&2; exit 1`.shell);
    }
    const refused = /^cannot build module duet here: .*GLIBC 2\.38, .*\{ build: host \}$/;
    expect(lastLine(await build("exit 9"))).toMatch(refused);
    rmSync(join(paths.build, "scripts/mod/modpost"));
    expect(lastLine(await build("exit 9"))).toMatch(/GLIBC 2\.36, /);
  });

  it("has DUET_DEBUG defined if it is to", async () => {
    const ran = await build(`printf '%s\\n' "$@"; echo abc123 >"${"$"}{4#M=}/duet.ko"`, "yes");
    expect(ran.stderr).toMatch(/\nKCPPFLAGS=-DDUET_DEBUG\nmodules\n$/);
  });

  it("reports the compiler's first error, after all of its lines", async () => {
    const ran = await build(
      `echo 'hook.c:7:2: warning: unused'; echo 'hook.c:9:1: error: first'; echo 'hook.c:10:1: error: second' >&2; echo 'make: *** [duet.ko] Error 2'; exit 2`,
    );
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain("hook.c:10:1: error: second\n");
    expect(lastLine(ran)).toMatch(/^cannot build module duet: hook\.c:9:1: error: first$/);
  });

  it("reports where a macro was used that has the error, and not where the kernel has the macro", async () => {
    const said = [
      "linux/printk.h:427:10: error: expected expression before '{' token",
      "  427 |   ({",
      "linux/printk.h:455:26: note: in expansion of macro 'printk_index_wrap'",
      "main.c:168:9: note: in expansion of macro 'pr_info'",
      "main.c:170:1: warning: unused",
      "main.c:171:1: note: in expansion of macro 'other'",
    ];
    const ran = await build(`cat <<'END'\n${said.join("\n")}\nEND\nexit 2`);
    expect(lastLine(ran)).toBe(
      "cannot build module duet: main.c:168:9: error: expected expression before '{' token (in a macro of linux/printk.h:427:10)",
    );
  });

  it("reports a symbol that the kernel lacks, and a make without any word", async () => {
    const modpost = 'ERROR: modpost: "no_such" [duet.ko] undefined!';
    expect(lastLine(await build(`echo '${modpost}'; exit 2`))).toContain(`module duet: ${modpost}`);
    expect(lastLine(await build("exit 2"))).toMatch(/^cannot build module duet: .*1800 s/);
  });

  it("waits for another build of the same", async () => {
    const order = join(root, "order");
    const slow = sh`echo begin >>${order}; sleep 0.3; echo end >>${order}`.shell;
    await Promise.all([build(slow), build(slow)]);
    expect(readFileSync(order, "utf8")).toBe("begin\nend\nbegin\nend\n");
  });

  it("ends make if it is told to end itself, and leaves the turn to the next build", async () => {
    const told = join(root, "told");
    // The step leads the session. make is in a process group of its own, timeout's, which its signals do not reach. What
    // it says then goes nowhere, and may end it: so it writes that it was told first.
    const ran = await build(
      sh`sleep 20 & trap 'echo told >>"$TOLD"; kill "$!"; exit 1' TERM; TOLD=${told}; kill -TERM $(ps -o sid= $$); wait`
        .shell,
    );
    expect(ran.code).toBe(143);
    await vi.waitFor(() => expect(readFileSync(told, "utf8")).toMatch(/^told\n/), 10_000);
    expect((await build(`echo abc123 >"${"$"}{4#M=}/duet.ko"`)).code).toBe(0);
  });

  it("says what is missing before anything runs", async () => {
    rmSync(join(paths.tree, "Makefile"));
    expect(lastLine(await build("exit 9"))).toContain(`there is no Makefile in ${paths.tree}`);
  });

  it("finds the module wherever make has put it, whatever hyphens are in its name", async () => {
    paths = { ...paths, module: "my_own" };
    const ran = await build(`mkdir "${"$"}{4#M=}/src"; echo abc123 >"${"$"}{4#M=}/src/my-own.ko"`);
    expect(ran.stdout).toBe("build-id: abc123\n");
    expect((await runStep(script(), "facts", { stubs: builders("") })).stdout).toBe("built: abc123\n");
  });

  it.runIf(process.getuid?.() === 0)("finds it as the developer, from a folder that only root may enter", async () => {
    const home = temporaryFolder("root's home-");
    chmodSync(home, 0o700);
    mkdirSync(join(paths.tree, "src"));
    writeFileSync(join(paths.tree, "src/duet.ko"), "");
    const script = scriptText(import.meta.url, "module-file.sh", { objects: paths.tree, module: paths.module });
    const library = scriptText(new URL("../machine/lib/x.ts", import.meta.url).href, "developer.sh", developer);
    const ran = await runLibrary(`${library}\n${script}`, "find_object", { cwd: home });
    expect([ran.code, ran.stdout]).toEqual([0, `${paths.tree}/src/duet.ko\n`]);
  });

  it("names what make has made if the module is not among it", async () => {
    const ran = await build(`echo abc123 >"${"$"}{4#M=}/other.ko"`);
    expect(lastLine(ran)).toMatch(/^cannot build module duet: .* other\.ko/);
  });
});

/** What is before a build id among ELF notes, for printf. */
const noteHead = "\\4\\0\\0\\0\\24\\0\\0\\0\\3\\0\\0\\0GNU\\0";
const id = "abcd".repeat(10);

/** The file of what was called, as a word of the shell. */
const calls = () => sh`${join(root, "calls")}`.shell;

/**
 * A guest for the scripts that load: its /etc and /sys/module are empty file systems of a mount namespace, and the
 * commands that load play with those.
 */
function guest(change: Stubs = {}): Stubs {
  return {
    setpriv: builders("").setpriv ?? "",
    modinfo: `case "$1 $2" in '-F vermagic') echo "$(uname -r) SMP mod_unload";; *) echo ${modules()}/duet.ko;; esac`,
    depmod: `echo depmod >>${calls()}; : >${sh`${join(root, "modules", release(), "modules.dep")}`.shell}`,
    readelf: builders("").readelf ?? "",
    modprobe: `mkdir -p /sys/module/$1/notes; printf '${noteHead}${"\\xab\\xcd".repeat(10)}' >/sys/module/$1/notes/.note.gnu.build-id; echo modprobe >>${calls()}`,
    rmmod: `rm -r /sys/module/$1; echo rmmod >>${calls()}`,
    // A probation is under way while its mark is there; there is none to stop.
    systemctl: `case "$*" in *is-active*) echo active ;; *) exit 5 ;; esac`,
    "systemd-run": `echo "systemd-run $*" >>${calls()}`,
    findmnt: "exit 1",
    dmesg: `sed 's/^/[   12.5] /' /dev/kmsg; cat "$STUBS/dmesg" 2>/dev/null || :`,
    ...change,
  };
}

/** The folder of the installed module, as a word of the shell: the machine that tests may have no /lib/modules. */
const modules = () => sh`${join(root, "modules", release(), "updates/duet-duet")}`.shell;
const loadScript = () => {
  const { tree, module } = paths;
  const built = { kernel_tree: "/kernel", build_id: id, kernel: "k1" };
  const values = {
    objects: tree,
    module,
    ...developer,
    ...built,
    unit: "ExecStart=/bin/bash @file@ boot",
    probation: 60,
  };
  return scriptText(import.meta.url, "module-load.sh", values)
    .replace("=/lib/modules/", `=${sh`${join(root, "modules")}/`.shell}`)
    .replace("patience=120", "patience=1");
};

/** Only root may mount, and a test never touches the real files. */
const inGuest = (stubs: Stubs, verbs: Verb | readonly Verb[], old = ":") =>
  runStep(loadScript(), verbs, {
    stubs,
    records: records(),
    enter: ["unshare", "--mount"],
    before: `mount -t tmpfs tmpfs /etc; mkdir -p /etc/systemd/system; mount -t tmpfs tmpfs /sys/module
rm -f ${calls()}; : >"$STUBS/kmsg"; mount --bind "$STUBS/kmsg" /dev/kmsg
${old}`,
  });

/** What was done to the module, and what was left to systemd. */
const called = () =>
  existsSync(join(root, "calls")) ? readFileSync(join(root, "calls"), "utf8").trim().split("\n") : [];
const probation = expect.stringMatching(/^systemd-run .*rm -f -- .*\/\.loading sleep 60$/);
const records = () => join(root, "steps");
/** There while a load has not proven itself. */
const mark = () => join(records(), ".loading");

describe.runIf(process.getuid?.() === 0)("loading the module", () => {
  beforeEach(() => writeFileSync(join(paths.tree, "duet.ko"), `${id}\n`));

  it("installs it, loads it, has it loaded at boot, and leaves it loaded the second time", async () => {
    const ran = await inGuest(guest(), ["create", "create", "facts"]);
    expect(called()).toEqual(["depmod", "modprobe", probation]);
    const said = `build-id: ${id}\nbuild-id: ${id}\nmodule: loaded\nmodule build: ${id}\n`;
    expect(ran.stdout.slice(0, said.length)).toBe(said);
    expect(ran.stdout.slice(said.length)).toMatch(/^module file: \w{16}\nloaded at boot: yes\nunit: \w{16}\n$/);
  });

  it("replaces another build", async () => {
    const notes = "/sys/module/duet/notes";
    const note = `${noteHead}${"\\0".repeat(20)}`;
    const old = sh`mkdir -p ${notes}; printf ${note} >${`${notes}/.note.gnu.build-id`}`;
    const ran = await inGuest(guest(), "create", old.shell);
    expect(called()).toEqual(["depmod", "rmmod", "modprobe", probation]);
    expect(ran.code).toBe(0);
  });

  it("installs what else make has made, from a tree that only the developer may read, and nothing that is gone", async () => {
    mkdirSync(join(paths.tree, "lib"));
    writeFileSync(join(paths.tree, "lib/helper.ko"), "helps\n");
    writeFileSync(join(paths.tree, "left.ko"), "of an earlier Makefile\n");
    // As 6.1 writes it, and as later kernels do.
    writeFileSync(join(paths.tree, "modules.order"), `${paths.tree}/duet.ko\nlib/helper.o\n`);
    await inGuest(guest(), "create");
    const installed = join(root, "modules", release(), "updates/duet-duet");
    expect(readdirSync(installed).sort()).toEqual(["duet.ko", "helper.ko"]);
    rmSync(join(paths.tree, "lib"), { recursive: true });
    await inGuest(guest(), "create");
    expect(readdirSync(installed)).toEqual(["duet.ko"]);
  });

  it("does not take one for loaded whose init function never returned, and says what takes it out", async () => {
    const notes = `/sys/module/duet/notes`;
    const note = `${noteHead}${"\\xab\\xcd".repeat(10)}`;
    const old = sh`mkdir -p ${notes}; printf ${note} >${`${notes}/.note.gnu.build-id`}; echo coming >/sys/module/duet/initstate`;
    const ran = await inGuest(guest(), "create", old.shell);
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^cannot unload duet: .* reboot /);
    expect((await inGuest(guest(), "facts", old.shell)).stdout).toMatch(/^module: loaded, but its init/);
  });

  it("names where in the module the kernel crashed", async () => {
    const said = "BUG: unable to handle page fault for address: 0\\nRIP: 0010:duet_init+0x5/0x1000 [duet]\\n";
    const modprobe = `printf '${said}' >"$STUBS/dmesg"; exit 137`;
    const ran = await inGuest(guest({ modprobe }), "create");
    expect(lastLine(ran)).toMatch(/^cannot load duet: .*BUG: unable to handle page fault.* at duet_init\+0x5\/0x1000$/);
  });

  it("marks a load until it has proven itself, and one boot that finds the mark does not load, and says so", async () => {
    await inGuest(guest(), "create");
    expect(existsSync(mark())).toBe(true);
    const said = join(root, "said");
    const guarded = await inGuest(guest(), "boot", sh`: >${said}; mount --bind ${said} /dev/kmsg`.shell);
    expect(guarded.code).toBe(1);
    expect(called()).toEqual([]);
    expect(readFileSync(said, "utf8")).toMatch(/^<3>duet: module duet is not loaded: .* 60 s /);
    expect((await inGuest(guest(), "facts")).stdout).toMatch(/^module: not loaded\n/);
    const rebooted = guest({ systemctl: "exit 3" });
    expect((await inGuest(rebooted, "facts")).stdout).toMatch(/^module: not loaded, since it did not live /);
    rmSync(mark());
    expect((await inGuest(guest(), "boot")).code).toBe(0);
    expect(called()).toEqual(["modprobe", probation]);
    expect(existsSync(mark())).toBe(true);
  });

  it("keeps the mark of a load that crashed or never came back, and no mark of one that was refused", async () => {
    const dies = `mkdir -p /sys/module/duet; echo coming >/sys/module/duet/initstate; exit 137`;
    await inGuest(guest({ modprobe: dies }), "create");
    expect(existsSync(mark())).toBe(true);
    const ran = await inGuest(guest({ modprobe: `${dies.replace("exit 137", "exec sleep 30")}` }), "create");
    expect(lastLine(ran)).toMatch(/^cannot load duet: .* not returned for 1 s; reboot /);
    expect(existsSync(mark())).toBe(true);
    expect((await inGuest(guest({ modprobe: "exit 1" }), "create")).code).toBe(1);
    expect(existsSync(mark())).toBe(false);
  });

  it("is not content with a module that somebody has put in after its last load had not lived", async () => {
    const none = { systemctl: "exit 3" };
    const loads = sh`mkdir -p /sys/module/duet/notes; printf ${`${noteHead}${"\\xab\\xcd".repeat(10)}`} >/sys/module/duet/notes/.note.gnu.build-id`;
    mkdirSync(records(), { recursive: true });
    writeFileSync(mark(), "");
    expect((await inGuest(guest(none), "facts", loads.shell)).stdout).toMatch(/^module: loaded by hand/);
    await inGuest(guest(none), "create", loads.shell);
    expect(called()).toEqual(["depmod", probation]);
    writeFileSync(mark(), "");
    const ends = { systemctl: `rm -f -- ${sh`${mark()}`.shell}; echo inactive` };
    expect((await inGuest(guest(ends), "facts", loads.shell)).stdout).toMatch(/^module: loaded$/m);
  });

  it("says what the kernel warned of while it was loaded, and goes on", async () => {
    const said = "WARNING: CPU: 0 PID: 1 at main.c:7 duet_init+0x5/0x10 [duet]\\n";
    const modprobe = `printf '${said}' >"$STUBS/dmesg"\n${guest().modprobe}`;
    const ran = await inGuest(guest({ modprobe }), "create");
    expect(ran.code).toBe(0);
    expect(lastLine(ran)).toMatch(/^module duet is loaded, .*WARNING: .*main\.c:7/);
  });

  it("names what holds the build that is to go", async () => {
    const old = "mkdir -p /sys/module/duet/holders; echo 1 >/sys/module/duet/refcnt";
    const find = `case $1 in /proc/*) echo /proc/${process.pid}/fd/7 ;; *) exec /usr/bin/find "$@" ;; esac`;
    const ran = await inGuest(guest({ rmmod: "exit 1", find }), "create", old);
    expect(lastLine(ran)).toMatch(new RegExp(`^cannot unload duet: .+ \\(pid ${process.pid}\\)`));
    const unknown = await inGuest(guest({ rmmod: "exit 1" }), "create", old);
    expect(lastLine(unknown)).toContain("a use count of 1");
    const mounted = await inGuest(guest({ rmmod: "exit 1", findmnt: "echo /mnt/duet" }), "create", old);
    expect(lastLine(mounted)).toContain("held by /mnt/duet (mount)");
  });

  it("names the kernels if they do not match, and changes nothing", async () => {
    const ran = await inGuest(guest({ modinfo: "echo 6.0+duet-1 SMP" }), "create");
    expect(lastLine(ran)).toMatch(/^cannot load duet: .*6\.0\+duet-1.* runs /);
    expect(lastLine(ran)).toContain(release());
    expect(ran.stderr).not.toContain("make ");
  });

  it("names the symbol that the kernel lacks, and not one of an earlier time", async () => {
    const modprobe = `printf 'duet: Unknown symbol no_such (err -2)\\nother: line\\n' >"$STUBS/dmesg"; echo "modprobe: ERROR: could not insert 'duet': Unknown symbol in module" >&2; exit 1`;
    const earlier = "duet: Unknown symbol old (err -2)";
    const dmesg = `{ echo '${earlier}'; cat /dev/kmsg "$STUBS/dmesg"; } | sed 's/^/[   12.5] /'`;
    const ran = await inGuest(guest({ modprobe, dmesg }), "create");
    expect(lastLine(ran)).toMatch(/^cannot load duet: .*duet: Unknown symbol no_such \(err -2\)$/);
  });

  it("is undone", async () => {
    const ran = await inGuest(guest(), ["create", "delete", "delete", "facts"]);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain("module: not loaded\nmodule build: \nmodule file: \nloaded at boot: no\nunit: \n");
  });
});

describe("DuetModule", () => {
  const deployed = (
    build?: "guest" | "host",
    toolchain: Toolchain = hostToolchain,
    fragments: readonly { readonly name: string }[] = [],
  ) =>
    deploy(
      () => {
        const host = localHost();
        const directory = "/media/data/duet";
        const source = (role: string) =>
          new SourceTree(`${role}-source`, { host, role: `duet-${role}`, source: { copy: "/c" }, directory });
        const sources = { kernel: source("kernel"), module: source("module") };
        const asked = { base: "tiny", localmodconfig: false, fragments };
        const config = new KernelConfig("kernel-config", {
          ...{ host, source: sources.kernel, directory, toolchain },
          ...asked,
        });
        const kernel = new KernelBuild("kernel", { host, source: sources.kernel, config });
        const module = new DuetModule("module", { host, source: sources.module, kernel, build });
        const guests = [localGuest("one"), localGuest("two", {}, "two-")];
        for (const guest of guests) {
          module.loadIn(guest, { dependsOn: guest });
        }
      },
      {
        ...printedOf("one"),
        ...printedOf("two"),
        "two-network-subnet": "152",
        "kernel-source": "commit: c\nhash: h",
        "module-source": "commit: c\nhash: h2",
        "kernel-config": "config: c",
        kernel: "release: r\nbuild-id: k1\npackage: p",
        "module-build": "build-id: abcd",
        "module-one": "build-id: abcd",
        "module-two": "build-id: abcd",
      },
    );
  const stepsOf = (made: readonly Made[]) =>
    made.flatMap(({ type, name }) =>
      /^command:/.test(type) && /^module-(?!source)/.test(name) ? [`${type} ${name}`] : [],
    );

  it("builds once, in the first guest, and loads that build in each", async () => {
    const { made, resource } = await deployed();
    const remote = "command:remote:Command";
    expect(stepsOf(made)).toEqual([`${remote} module-build`, `${remote} module-one`, `${remote} module-two`]);
    const step = resource(remote, "module-two");
    expect([given(step, "build_id"), given(step, "kernel")]).toEqual(["abcd", "k1"]);
    expect(step.dependsOn).toContain(`${remote} module-build`);
    // Each waits for its own guest only, and the build for the first.
    const domain = (name: string) => `libvirt:index/domain:Domain ${name}`;
    expect(step.dependsOn).toContain(domain("two"));
    expect(step.dependsOn).not.toContain(domain("one"));
    expect(resource(remote, "module-one").dependsOn).not.toContain(domain("two"));
    expect(resource(remote, "module-build").dependsOn).toContain(domain("one"));
    expect(resource(remote, "module-build").dependsOn).not.toContain(domain("two"));
    expect(given(resource(remote, "module-build"), "sources")).toBe("h2");
  });

  it("builds on the host if it is asked to, and still loads in each guest", async () => {
    const { made, resource } = await deployed("host");
    const [build, ...loads] = stepsOf(made);
    expect(build).toBe("command:local:Command module-build");
    expect(loads).toHaveLength(2);
    expect(resource("command:local:Command", "module-build").dependsOn).not.toContain(
      "libvirt:index/domain:Domain one",
    );
  });

  it("builds on the host, with the toolchain of the kernel, if that has one of its own, which a guest never has", async () => {
    const toolchain = { build_root: "/roots/bullseye", compiler: "gcc" };
    const local = (await deployed(undefined, toolchain)).resource("command:local:Command", "module-build");
    expect(given(local, "build_root")).toBe("/roots/bullseye");
    const remote = (await deployed("guest", toolchain)).resource("command:remote:Command", "module-build");
    expect(given(remote, "build_root")).toBe("''");
    // The host's, by a program of its own that names it.
    const same = (await deployed(undefined, { build_root: "", compiler: "gcc" })).made;
    expect(stepsOf(same)[0]).toBe("command:remote:Command module-build");
  });

  it("builds on the host if the kernel has BTF: no guest has pahole", async () => {
    const { made } = await deployed(undefined, hostToolchain, [{ name: "bpf" }]);
    expect(stepsOf(made)[0]).toBe("command:local:Command module-build");
  });
});
