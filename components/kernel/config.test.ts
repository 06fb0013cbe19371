import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, given, localGuest, localHost, localStep, printedOf, scriptOf } from "../../test/support/mocks.ts";
import {
  lastLine,
  type RunOptions,
  runLibrary,
  runStep,
  type Stubs,
  type Verb,
} from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script-text.ts";
import { sh } from "../machine/shell.ts";
import { SourceTree } from "../sources/source-tree.ts";
import { type Fragment, KernelConfig, type KernelConfigArgs, shippedFragments } from "./config.ts";

const isRoot = process.getuid?.() === 0;
const developer = { uid: 54321, gid: 54322 };

/** Of what Duet and a guest need, what the little kernel has; and what the tests ask. */
const kconfig = `config MODULES
	bool "modules"
menuconfig KALLSYMS
	bool
config DEBUG_INFO
	bool
config RANDOMIZE_BASE
	bool
config LOCALVERSION
	string
config VIRTIO_BLK
	tristate
config SCHED_ODD
	bool "odd"
	depends on SMP && !BROKEN
	depends on PCI
	help
	  depends on nothing else.
config CHOICE
	bool
config PERF_EVENTS
	bool
	depends on NOTHING_OF_CHOICE
config FROM_GUEST
	bool
config UNLOADED
	tristate
config NAME
	string
`;

/**
 * A kernel tree whose targets do in small what the real ones do: of each known symbol the last line counts, and what
 * the tree's file `drops` names is left out, as for a dependency that is not there.
 */
const makefile = `tinyconfig defconfig:
	@echo 'CONFIG_BASE_$@=y' >"$(O)/.config"
localmodconfig:
	@cp "$(LSMOD)" "$(O)/seen"; sed -i /CONFIG_UNLOADED/d "$(O)/.config"; head -n 3 >/dev/null
olddefconfig:
	@awk -f small.awk Kconfig drops "$(O)/.config" >"$(O)/.config.new"; mv "$(O)/.config.new" "$(O)/.config"
	@echo '.config:7:warning: override: reassigning to symbol MODULES'
	@echo '.config:8:warning: symbol value m invalid for SCHED_ODD'
`;
const awk = `FILENAME == "Kconfig" { if ($1 ~ /^(menu)?config$/) known["CONFIG_" $2] = 1; next }
FILENAME == "drops" { forced[$1] = $2; next }
{ name = $0; sub(/^# /, "", name); sub(/[= ].*/, "", name) }
name in known && !(name in forced) { last[name] = $0 }
name ~ /BASE_/ { last[name] = $0 }
END { for (name in last) print last[name] | "sort"; for (name in forced) if (forced[name]) print name "=" forced[name] | "sort" }
`;

let root: string;
let source: string;
let build: string;
beforeEach(() => {
  root = temporaryFolder("it's a kernel-");
  source = join(root, "source tree");
  build = join(root, "builds", "duet kernel");
  mkdirSync(source);
  for (const [name, text] of Object.entries({ Kconfig: kconfig, Makefile: makefile, "small.awk": awk, drops: "" })) {
    writeFileSync(join(source, name), text);
  }
});

const fragment = (...text: readonly string[]) => ({ name: "test", text: text.join("\n") });
/** What the component reads beside itself. */
const beside = (file: string) => readFileSync(join(import.meta.dirname, file), "utf8").trimEnd();
interface Asked {
  readonly base?: string;
  readonly fragments?: readonly Fragment[];
  /** What lsmod says in the guest, if the modules are to be left out that are not there. */
  readonly modules?: string;
  /** Texts of this project's fragments. */
  readonly shipped?: readonly string[];
  /** Name of the compiler. Defaults to gcc. */
  readonly compiler?: string;
}
const script = ({ base = "tiny", fragments = [], shipped = [], modules, compiler = "gcc" }: Asked = {}) =>
  scriptText(import.meta.url, "config.sh", {
    ...developer,
    compiler,
    build_root: "",
    newest_compilers: ["4.9 5", "5.7 9"],
    directory: root,
    what: "kernel-build",
    stack: "dev",
    tree: source,
    build,
    ccache: join(root, "builds/cc"),
    cache: join(root, "cache"),
    own: "",
    base,
    localmodconfig: modules === undefined ? "" : "yes",
    modules,
    fragments: fragments.map(({ name, text }) => (text === undefined ? name : `${text}\n`)),
    shipped,
    guest_needs: beside("guest.config"),
    needs: beside("needs.config"),
    depends_on: beside("depends-on.awk"),
    sources: "h1",
  });
const configure = (asked?: Asked, stdin = "") => runStep(script(asked), "create", { stdin });
const drop = (...rows: readonly string[]) => writeFileSync(join(source, "drops"), `${rows.join("\n")}\n`);
const config = () => readFileSync(join(build, ".config"), "utf8").split("\n");
const errors = (ran: { readonly stderr: string }) => ran.stderr.split("correct duet:kernel\n")[1];

describe.runIf(isRoot)("the configuration of a kernel", () => {
  it("is its base, the fragments and what Duet needs, as far as this kernel knows it", async () => {
    const ran = await configure({ fragments: [fragment("CONFIG_PERF_EVENTS=y")] });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/^config: [0-9a-f]{16}\n$/);
    expect(config()).toEqual(
      expect.arrayContaining(["CONFIG_BASE_tinyconfig=y", "CONFIG_PERF_EVENTS=y", "CONFIG_MODULES=y"]),
    );
    expect(config()).toContain("# CONFIG_RANDOMIZE_BASE is not set");
    expect(config().join("\n")).not.toContain("CONFIG_GDB_SCRIPTS");
    expect(statSync(join(build, ".config"))).toMatchObject(developer);
  });

  it("is refused for a tree that was built in place", async () => {
    writeFileSync(join(source, ".config"), "");
    const ran = await configure();
    expect(lastLine(ran)).toMatch(/^cannot build the kernel of .*built in place.*make mrproper/);
  });

  it("is made with the compiler that was asked for, and refused without it", async () => {
    const made = await configure({ compiler: "cc" });
    expect(made.code).toBe(0);
    expect(lastLine(await configure({ compiler: "gcc-3.14" }))).toMatch(/^cannot build with gcc-3\.14: .*gcc-3\.14/);
  });

  it("begins in an empty folder if another toolchain has built there, and in the same one otherwise", async () => {
    const object = join(build, "object.o");
    for (const [compiler, isKept] of [
      ["gcc", true],
      ["cc", false],
      ["cc", true],
      ["gcc", false],
    ] as const) {
      mkdirSync(build, { recursive: true });
      writeFileSync(object, "");
      expect((await configure({ compiler })).code).toBe(0);
      expect([compiler, existsSync(object)]).toEqual([compiler, isKept]);
    }
  });

  it.each([
    ["4.8", 5],
    ["4.9", 9],
    ["5.6", 9],
    ["5.7", undefined],
    ["6.1", undefined],
  ])("says what may come of a compiler that is newer than Linux %s", async (version, newest) => {
    const [major, minor] = version.split(".");
    writeFileSync(join(source, "Makefile"), `VERSION = ${major}\nPATCHLEVEL = ${minor}\n${makefile}`);
    const said = (await runStep(script(), "create", { stubs: { gcc: "echo 12.2.0" } })).stderr;
    const found = /Linux (\S+) is of the time of gcc (\d+), and gcc is of version 12: .*toolchain: \{ suite/.exec(said);
    expect(found?.slice(1)).toEqual(newest && [version, String(newest)]);
  });

  it("has Duet's own part where the kernel has that, and not what an old kernel does not boot with", async () => {
    writeFileSync(join(source, "Kconfig"), `${kconfig}config DUET\nconfig X86_X32\nconfig CC_STACKPROTECTOR_STRONG\n`);
    const base = join(root, "base.config");
    writeFileSync(base, "CONFIG_X86_X32=y\nCONFIG_CC_STACKPROTECTOR_STRONG=y\n");
    expect((await configure({ base })).code).toBe(0);
    const off = ["X86_X32", "CC_STACKPROTECTOR_STRONG"].map((name) => `# CONFIG_${name} is not set`);
    expect(config()).toEqual(expect.arrayContaining(["CONFIG_DUET=y", ...off]));
  });

  it("is not written again if it does not change, so that make builds nothing", async () => {
    const first = await configure();
    const before = statSync(join(build, ".config"));
    expect((await configure()).stdout).toBe(first.stdout);
    expect(statSync(join(build, ".config"))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
    const other = await configure({ fragments: [fragment("CONFIG_PERF_EVENTS=y")] });
    expect(other.stdout).not.toBe(first.stdout);
  });

  it("has the last line of several for a symbol, and what Duet needs after all of them", async () => {
    const fragments = [fragment("CONFIG_PERF_EVENTS=y"), fragment("# CONFIG_PERF_EVENTS is not set")];
    const base = join(root, "base.config");
    writeFileSync(base, "CONFIG_RANDOMIZE_BASE=y\n");
    expect((await configure({ base, fragments })).code).toBe(0);
    expect(config()).toContain("# CONFIG_PERF_EVENTS is not set");
    expect(config()).toContain("# CONFIG_RANDOMIZE_BASE is not set");
  });

  it("asks for the short form of the debug information only if that is no choice", async () => {
    await configure();
    expect(config()).toContain("CONFIG_DEBUG_INFO=y");
    writeFileSync(join(source, "Kconfig"), `${kconfig}config DEBUG_INFO_NONE\n\tbool\n`);
    await configure();
    expect(config()).not.toContain("CONFIG_DEBUG_INFO=y");
    expect(config()).toContain("# CONFIG_DEBUG_INFO_NONE is not set");
  });

  it("says nothing of a later line that wins, and lets other warnings through", async () => {
    const { stderr } = await configure();
    expect(stderr).toContain("warning: symbol value m invalid for SCHED_ODD\n");
    expect(stderr).not.toContain("override");
  });

  it("names a symbol that was asked for and dropped, with what it depends on", async () => {
    drop("CONFIG_SCHED_ODD");
    const ran = await configure({ fragments: [fragment("CONFIG_SCHED_ODD=y", "CONFIG_PERF_EVENTS=y")] });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toBe("");
    expect(errors(ran)).toBe("CONFIG_SCHED_ODD=y: found absent; it depends on SMP && !BROKEN && PCI\n");
    expect(existsSync(join(build, ".config"))).toBe(false);
  });

  it("names a symbol that got another value, that has no dependency to blame, and all others at once", async () => {
    drop("CONFIG_SCHED_ODD m", "CONFIG_CHOICE");
    const ran = await configure({
      fragments: [fragment("CONFIG_SCHED_ODD=y", "CONFIG_CHOICE=y", "CONFIG_NO_SUCH=y")],
    });
    expect(errors(ran)?.split("\n").filter(Boolean).sort()).toEqual([
      "CONFIG_CHOICE=y: found absent; it depends on a choice, or a type, that does not allow it",
      "CONFIG_NO_SUCH=y: this kernel has no such symbol",
      "CONFIG_SCHED_ODD=y: found CONFIG_SCHED_ODD=m; it depends on SMP && !BROKEN && PCI",
    ]);
  });

  it("names a symbol that was to be off and is selected", async () => {
    drop("CONFIG_PERF_EVENTS y");
    for (const off of ["# CONFIG_PERF_EVENTS is not set", "CONFIG_PERF_EVENTS=n"]) {
      const ran = await configure({ fragments: [fragment(off)] });
      expect(ran.code).toBe(1);
      expect(errors(ran)).toBe(`${off}: it is set to y, since something selects it\n`);
    }
  });

  it("takes a symbol that is off, and an empty string, for what was asked if they are absent", async () => {
    drop("CONFIG_PERF_EVENTS", "CONFIG_NAME");
    const asked = fragment("# CONFIG_PERF_EVENTS is not set", 'CONFIG_NAME=""', "# a comment", "", "CONFIG_CHOICE=n");
    expect((await configure({ fragments: [asked] })).code).toBe(0);
  });

  it("names what Duet itself needs and does not get, and why it does", async () => {
    drop("CONFIG_MODULES", "CONFIG_RANDOMIZE_BASE y");
    const lines =
      errors(await configure())
        ?.trim()
        .split("\n")
        .sort() ?? [];
    expect(lines[0]).toMatch(/^# CONFIG_RANDOMIZE_BASE is not set: it is set to y.*; Duet needs it, since .*address/);
    expect(lines[1]).toMatch(/^CONFIG_MODULES=y: found absent; .*; Duet needs it, since /);
    expect(lines).toHaveLength(2);
  });

  it("names what a guest needs and does not get, why it does, and what lets it pass", async () => {
    drop("CONFIG_VIRTIO_BLK");
    expect(errors(await configure())).toMatch(
      /^CONFIG_VIRTIO_BLK=y: found absent; .*; a guest needs it, since its disks, .*: ask for it to be off if yours does not\n$/,
    );
    expect((await configure({ fragments: [fragment("# CONFIG_VIRTIO_BLK is not set")] })).code).toBe(0);
    const asked = await configure({ fragments: [fragment("CONFIG_VIRTIO_BLK=y")] });
    expect(errors(asked)).not.toContain("a guest needs it");
  });

  it("refuses what cannot stand beside what Duet needs, all at once, and takes what says the same", async () => {
    const asked = ["CONFIG_RANDOMIZE_BASE=y", 'CONFIG_LOCALVERSION="-me"', "CONFIG_MODULES=n", "CONFIG_PERF_EVENTS=y"];
    const ran = await configure({ fragments: [fragment(...asked)] });
    expect(ran.code).toBe(1);
    const lines = ran.stderr.split("overrule them\n")[1]?.trim().split("\n").sort() ?? [];
    expect(lines.map((line) => line.split(": Duet needs ")[0])).toEqual([
      ...['CONFIG_LOCALVERSION="-me"', "CONFIG_MODULES=n", "CONFIG_RANDOMIZE_BASE=y"],
    ]);
    expect(lines[2]).toMatch(/`# CONFIG_RANDOMIZE_BASE is not set`, since .*address/);
    const same = ["CONFIG_RANDOMIZE_BASE=n", 'CONFIG_LOCALVERSION=""', "CONFIG_MODULES=y"];
    expect((await configure({ fragments: [fragment(...same)] })).code).toBe(0);
  });

  it("takes values with blanks and quotes as they are", async () => {
    const asked = `CONFIG_NAME="it's $(touch ${root}/canary) \\"x\\" 'y'"`;
    expect((await configure({ fragments: [fragment(asked)] })).code).toBe(0);
    expect(config()).toContain(asked);
    expect(existsSync(join(root, "canary"))).toBe(false);
  });
});

describe.runIf(isRoot)("a fragment of this project's", () => {
  it("is laid over before all others, as far as this kernel has such symbols", async () => {
    const shipped = ["# a list\nCONFIG_PERF_EVENTS=y\nCONFIG_CHOICE=y\nCONFIG_OF_ANOTHER_TIME=y"];
    expect((await configure({ shipped, fragments: [fragment("CONFIG_CHOICE=n")] })).code).toBe(0);
    expect(config()).toEqual(expect.arrayContaining(["CONFIG_PERF_EVENTS=y", "CONFIG_CHOICE=n"]));
    expect(config().join()).not.toContain("OF_ANOTHER_TIME");
  });

  it("is refused if the kernel knows a symbol of it and drops that", async () => {
    drop("CONFIG_PERF_EVENTS");
    expect(errors(await configure({ shipped: ["CONFIG_PERF_EVENTS=y"] }))).toMatch(
      /^CONFIG_PERF_EVENTS=y: found absent;/,
    );
  });

  it("is laid over what Duet needs, which a person's fragment is not: BTF is of use to bpftrace", async () => {
    const text = readFileSync(join(source, "Kconfig"), "utf8");
    writeFileSync(join(source, "Kconfig"), `${text}config DEBUG_INFO_BTF\n\tbool\n`);
    const btf = "CONFIG_DEBUG_INFO_BTF=y";
    expect((await configure({ shipped: [`# types\n${btf}`], fragments: [fragment(btf)] })).code).toBe(0);
    expect(config()).toEqual(expect.arrayContaining([btf, "CONFIG_MODULES=y", "# CONFIG_RANDOMIZE_BASE is not set"]));
    expect((await configure({ fragments: [fragment(btf)] })).code).toBe(1);
    expect((await configure()).code).toBe(0);
    expect(config()).toContain("# CONFIG_DEBUG_INFO_BTF is not set");
  });

  it("is one of those that have a name", () => {
    const files = readdirSync(join(import.meta.dirname, "fragments"));
    expect(files).toEqual(shippedFragments.map((name) => `${name}.config`));
    for (const file of files) {
      expect(beside(`fragments/${file}`).replaceAll(/^#.*$/gm, "")).toMatch(/^(\nCONFIG_\w+=(?:y|"[^"]*")|\n)+$/);
    }
  });
});

describe.runIf(isRoot)("a fragment of the kernel's own", () => {
  const debug = { name: "debug.config" };
  const has = (folder: string, ...lines: readonly string[]) => {
    mkdirSync(join(source, folder, "configs"), { recursive: true });
    writeFileSync(join(source, folder, "configs/debug.config"), `${lines.join("\n")}\n`);
  };

  it("is laid over in its place in the list, that of the architecture behind the general one", async () => {
    has("kernel", "# for all", "CONFIG_PERF_EVENTS=y", "CONFIG_CHOICE=y", "CONFIG_NAME=general");
    has("arch/x86", "CONFIG_NAME=x86");
    const fragments = [fragment("CONFIG_CHOICE=n"), debug, fragment("# CONFIG_PERF_EVENTS is not set")];
    expect((await configure({ fragments })).code).toBe(0);
    expect(config()).toEqual(
      expect.arrayContaining(["CONFIG_CHOICE=y", "CONFIG_NAME=x86", "# CONFIG_PERF_EVENTS is not set"]),
    );
  });

  it("may ask for what this kernel does not take, which is said and is no error", async () => {
    has("kernel", "CONFIG_OF_ANOTHER_ARCHITECTURE=y", "CONFIG_SCHED_ODD=y", "# CONFIG_CHOICE is not set");
    drop("CONFIG_SCHED_ODD", "CONFIG_CHOICE y");
    const { code, stderr } = await configure({ fragments: [debug] });
    expect(code).toBe(0);
    for (const line of ["CONFIG_OF_ANOTHER_ARCHITECTURE=y", "CONFIG_SCHED_ODD=y", "# CONFIG_CHOICE is not set"]) {
      expect(stderr).toContain(`${line} (debug.config)`);
    }
    const asked = await configure({ fragments: [debug, fragment("CONFIG_SCHED_ODD=y")] });
    expect(errors(asked)).toMatch(/^CONFIG_SCHED_ODD=y: found absent;.*\n$/);
  });

  it("is refused where it cannot stand beside what Duet needs, until a later one overrules it", async () => {
    has("kernel", "CONFIG_RANDOMIZE_BASE=y");
    const ran = await configure({ fragments: [debug] });
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^CONFIG_RANDOMIZE_BASE=y \(debug\.config\): Duet needs .*address/);
    expect((await configure({ fragments: [debug, fragment("CONFIG_RANDOMIZE_BASE=n")] })).code).toBe(0);
  });

  it("that the kernel does not have is an error with the names of those that it has", async () => {
    has("arch/x86", "CONFIG_NAME=x86");
    writeFileSync(join(source, "arch/x86/configs/xen.config"), "");
    expect(lastLine(await configure({ fragments: [{ name: "kvm_guest.config" }] }))).toBe(
      "cannot configure the kernel: duet:kernel.fragments asks for kvm_guest.config, and neither this project nor the " +
        "kernel has it; take one of debug.config, xen.config",
    );
    rmSync(join(source, "arch"), { recursive: true });
    expect(lastLine(await configure({ fragments: [debug] }))).toContain("take one of the project's files");
  });
});

describe.runIf(isRoot)("the base", () => {
  it("may be the kernel's default, or a file", async () => {
    expect((await configure({ base: "defconfig" })).code).toBe(0);
    expect(config()).toContain("CONFIG_BASE_defconfig=y");
    writeFileSync(join(root, "my config"), "CONFIG_FROM_GUEST=m\n", { mode: 0o600 });
    expect((await configure({ base: join(root, "my config") })).code).toBe(0);
    expect(config()).toContain("CONFIG_FROM_GUEST=m");
  });

  it("of the kernel's own gets what a guest needs and this kernel knows, but for what a fragment says of it", async () => {
    for (const base of ["tiny", "defconfig"]) {
      expect((await configure({ base })).code).toBe(0);
      expect(config()).toContain("CONFIG_VIRTIO_BLK=y");
      expect(config().join()).not.toContain("EXT4_FS");
      expect((await configure({ base, fragments: [fragment("CONFIG_VIRTIO_BLK=m")] })).code).toBe(0);
      expect(config()).toContain("CONFIG_VIRTIO_BLK=m");
    }
  });

  it("that somebody has made for a machine stays as it is, until modules are left out of it", async () => {
    const base = join(root, "base.config");
    writeFileSync(base, "CONFIG_VIRTIO_BLK=m\n");
    for (const [asked, isThen] of [
      [{ base }, "m"],
      [{ base: "guest" }, "m"],
      [{ base, modules: "Module" }, "y"],
      [{ base: "guest", modules: "Module" }, "y"],
    ] as const) {
      expect((await configure(asked, "CONFIG_VIRTIO_BLK=m\n")).code).toBe(0);
      expect(config()).toContain(`CONFIG_VIRTIO_BLK=${isThen}`);
    }
  });

  it("that is a file and is not there is an error", async () => {
    expect(lastLine(await configure({ base: "/no/config" }))).toMatch(
      /^cannot begin with the configuration \/no\/config: .*duet:kernel\.base$/,
    );
  });

  it("may be the guest's own, which comes on standard input", async () => {
    expect((await configure({ base: "guest" }, "CONFIG_FROM_GUEST=y\nCONFIG_UNLOADED=m\n")).code).toBe(0);
    expect(config()).toContain("CONFIG_FROM_GUEST=y");
    expect(config()).toContain("CONFIG_UNLOADED=m");
    expect(lastLine(await configure({ base: "guest" }))).toContain("no /boot/config-*; choose tiny");
  });

  it("loses the modules that the guest has not loaded", async () => {
    const modules = "Module  Size\nvirtio_net 1 0";
    const ran = await configure({ base: "guest", modules }, "CONFIG_UNLOADED=m\nCONFIG_FROM_GUEST=y\n");
    expect(ran.code).toBe(0);
    expect(config()).toContain("CONFIG_FROM_GUEST=y");
    expect(config().join()).not.toContain("UNLOADED");
    expect(readFileSync(`${build}.config/seen`, "utf8")).toBe(`${modules}\n`);
  });
});

describe.runIf(isRoot)("the guest's own kernel", () => {
  /** With a /boot and a /var/lib of its own, in a mount namespace. */
  const inGuest = (stubs: Stubs, what: string, verbs: Verb | readonly Verb[], before = ":") =>
    runStep(scriptText(import.meta.url, "guest-kernel.sh", { what }), verbs, {
      stubs,
      enter: ["unshare", "--mount"],
      before: `mount -t tmpfs tmpfs /boot; mount -t tmpfs tmpfs /var/lib
for version in 6.1.0-9-amd64 6.1.0-10-amd64 6.1.0+duet-abc; do echo "config $version" >"/boot/config-$version"; done
${before}`,
    });

  it("gives the configuration of the newest kernel of its distribution", async () => {
    expect(await inGuest({}, "config", "create")).toMatchObject({ code: 0, stdout: "config 6.1.0-10-amd64\n" });
  });

  it("gives the modules, those of the first time, as a Duet kernel has fewer", async () => {
    const lsmod = `echo "modules $(cat "$STUBS/boots" 2>/dev/null)"; echo more >>"$STUBS/boots"`;
    const ran = await inGuest({ lsmod }, "modules", ["create", "create"]);
    expect(ran.stdout).toBe("modules \nmodules \n");
  });

  it("gives none if there is none, and asks again the next time", async () => {
    // sync(1) is the last that a step runs: by then it has looked.
    const sync = "echo later >/boot/config-6.2";
    const ran = await inGuest({ sync }, "config", ["create", "create"], "rm /boot/config-*");
    expect(ran).toMatchObject({ code: 0, stdout: "later\n" });
  });
});

describe("folders that wait in the cache", () => {
  const folder = () => join(root, "build");
  const object = () => join(folder(), "a.o");
  const make = (text: string) => {
    mkdirSync(folder());
    writeFileSync(object(), text);
  };
  const run = (call: string, options: RunOptions = {}) => runLibrary(script(), call, options);
  const keep = () => run(sh`put_aside ${folder()} build; put_aside ${join(root, "cc")} ccache`.shell);
  const take = () => run(sh`take_back build ${folder()}; take_back ccache ${join(root, "cc")}`.shell);

  it("come back as they went, with their times", async () => {
    make("object");
    const { mtimeMs } = statSync(object());
    expect((await keep()).code).toBe(0);
    expect(readdirSync(root).sort()).toEqual(["cache", "source tree"]);
    expect((await take()).code).toBe(0);
    expect(statSync(object()).mtimeMs).toBe(mtimeMs);
    expect(existsSync(join(root, "cc"))).toBe(false);
  });

  it("do not take the place of one that is there, and are replaced by a newer one", async () => {
    for (const text of ["old", "new"]) {
      make(text);
      await keep();
    }
    mkdirSync(folder());
    await take();
    expect(readdirSync(folder())).toEqual([]);
    rmSync(folder(), { recursive: true });
    await take();
    expect(readFileSync(object(), "utf8")).toBe("new");
  });

  it.runIf(isRoot)(
    "stay on their disk if the cache is on another one, and leave nothing once they are taken",
    async () => {
      make("object");
      const { ino } = statSync(object());
      const mount = sh`mkdir ${join(root, "cache")}; mount -t tmpfs tmpfs ${join(root, "cache")}`.shell;
      const other: RunOptions = { enter: ["unshare", "--mount"], before: mount };
      expect((await run(sh`put_aside ${folder()} build; ls ${join(root, "cache")}`.shell, other)).stdout).toBe("");
      expect(existsSync(folder())).toBe(false);
      rmSync(join(root, "cache"), { recursive: true });
      expect((await run(sh`take_back build ${folder()}`.shell, other)).code).toBe(0);
      expect(statSync(object()).ino).toBe(ino);
      expect(existsSync(join(root, ".duet/cache"))).toBe(false);
    },
  );

  it.runIf(isRoot)(
    "stay where they are while something is mounted there, which is said, and no folder is made",
    async () => {
      make("object");
      const mounted: RunOptions = { enter: ["unshare", "--mount"], before: sh`mount -t tmpfs tmpfs ${folder()}`.shell };
      const ran = await run(sh`put_aside ${folder()} build`.shell, mounted);
      expect(lastLine(ran)).toMatch(/^cannot put .+\/build aside: something is mounted there; umount it/);
      expect(readdirSync(root).sort()).toEqual(["build", "source tree"]);
    },
  );
});

describe.runIf(isRoot)("the facts of a configuration", () => {
  it("tell if it is edited, and if it goes", async () => {
    const facts = async () => (await runStep(script(), "facts")).stdout;
    await configure();
    const before = await facts();
    writeFileSync(join(build, ".config"), "edited");
    expect(await facts()).not.toBe(before);
    rmSync(join(build, ".config"));
    expect([before.length > 30, await facts()]).toEqual([true, "kernel configuration: \n"]);
  });
});

describe("what Duet and a guest need", () => {
  const remark = /^# (?!CONFIG_)\w/;
  const namesIn = (file: string) =>
    beside(file)
      .split("\n")
      .filter((line) => !remark.test(line))
      .map((line) => /^(?:# )?CONFIG_(\w+)(?: is not set|=\S.*)$/.exec(line)?.[1]);

  it("asks for each symbol once, in the form of a configuration, below its reason", () => {
    const names = [...namesIn("needs.config"), ...namesIn("guest.config")];
    expect(names).not.toContain(undefined);
    expect(new Set(names).size).toBe(names.length);
    for (const file of ["needs.config", "guest.config"]) {
      expect(beside(file)).toMatch(remark);
    }
  });
});

describe("KernelConfig", () => {
  const deployed = (change: Partial<KernelConfigArgs> = {}) =>
    deploy(
      () => {
        const host = localHost();
        const kernel = { tree: "/d/src" };
        return new KernelConfig("kernel-config", {
          host,
          source: new SourceTree("source", { host, role: "duet-kernel", source: kernel, directory: "/d" }),
          directory: "/d",
          base: "guest",
          localmodconfig: true,
          fragments: [fragment("CONFIG_PERF_EVENTS=y"), { name: "debug.config" }],
          guest: localGuest("vm", { stack: "other" }),
          ...change,
        });
      },
      {
        ...printedOf("vm"),
        source: "commit: c\nhash: h1",
        "kernel-config": "config: c1",
        "kernel-config-guest-config": "CONFIG_FROM_GUEST=y",
        "kernel-config-guest-modules": "virtio 1",
      },
    );

  it("takes configuration and modules from the guest", async () => {
    const step = localStep(await deployed(), "kernel-config");
    expect(scriptOf(step).stdin).toBe("CONFIG_FROM_GUEST=y");
    expect(given(step, "modules")).toBe("'virtio 1'");
    expect(given(step, "sources")).toBe("h1");
    // A text has ends of lines, by which the step tells it from a name.
    expect(scriptOf(step).script).toContain("\nfragments=('CONFIG_PERF_EVENTS=y\n' debug.config)\n");
  });

  it("asks the guest for nothing that was not asked for", async () => {
    const { made } = await deployed({ base: "tiny", localmodconfig: false });
    expect(made.filter(({ name }) => /^kernel-config-guest/.test(name))).toEqual([]);
  });

  it("hands on its checksum, and keeps its folders in the cache of the sources", async () => {
    const deployment = await deployed();
    expect(deployment.resource("duet:kernel:KernelConfig", "kernel-config").outputs).toEqual({ hash: "c1" });
    const step = localStep(deployment, "kernel-config");
    expect(given(step, "build")).toBe("/d/build/duet-kernel");
    expect(given(step, "cache")).toMatch(/^\/cache\/kernel\/[0-9a-f]{16}$/);
  });
});
