import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { localKernel } from "../../test/support/kernel.ts";
import { deploy, given, localHost, localStep, settled } from "../../test/support/mocks.ts";
import { lastLine, runStep, type Stubs, type Verb } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script-text.ts";
import { stepCommand, stepFile, stepInput } from "../machine/step.ts";

const isRoot = process.getuid?.() === 0;

/** A kernel tree whose targets make in small what the real ones do. */
const makefile = `release = 6.1.0$(LOCALVERSION)
bzImage:
	@echo 'CC mm/slub.o'; mkdir -p "$(O)/arch/x86/boot"
	@for file in vmlinux System.map arch/x86/boot/bzImage; do echo "$$file" >"$(O)/$$file"; done
	@env >"$(O)/env"; echo "$(MAKECMDGOALS)" >"$(O)/goals"; echo "$(CC)" >"$(O)/cc"
modules:
	@touch "$(O)/Module.symvers" "$(O)/vmlinux-gdb.py"
scripts_gdb: modules
kernelrelease:
	@echo "$(release)"
modules_install:
	@mkdir -p "$(INSTALL_MOD_PATH)/lib/modules/$(release)/kernel"
	@ln -s "$(O)" "$(INSTALL_MOD_PATH)/lib/modules/$(release)/build"
`;

const stubs: Stubs = { readelf: `echo '    Build ID: 0123456789abcdef0123456789abcdef01234567'` };

let root: string;
let args: { tree: string; build: string; ccache: string };
beforeEach(() => {
  root = temporaryFolder("a kernel-");
  args = {
    tree: join(root, "source tree"),
    build: join(root, "build tree"),
    ccache: join(root, "cc cache"),
  };
  for (const folder of [args.tree, args.build]) {
    mkdirSync(folder);
  }
  writeFileSync(join(args.tree, "Makefile"), makefile);
  writeFileSync(join(args.build, ".config"), "CONFIG_BLK_DEV_INITRD=y\n");
});

/** @param buildRoot absolute path of one. Defaults to the host itself. */
const script = (buildRoot = "") =>
  scriptText(import.meta.url, "build.sh", {
    ...args,
    directory: root,
    what: "kernel-build",
    stack: "dev",
    uid: 54321,
    gid: 54322,
    build_root: buildRoot,
    compiler: "gcc",
    jobs: 2,
    commit: "abc",
    sources: "h1",
    configuration: "c1",
    packages: ["image"],
    objects_awk: readFileSync(join(import.meta.dirname, "objects.awk"), "utf8").trimEnd(),
    ...packageFiles(),
  });
/** The package's files, as the component gives them. */
const packageFiles = () => {
  const read = (file: string) => readFileSync(join(import.meta.dirname, "package", file), "utf8").trimEnd();
  return { postinst: read("postinst"), postrm: read("postrm"), control: read("control") };
};
const run = (verbs: Verb | readonly Verb[], change: Stubs = {}) =>
  runStep(script(), verbs, { stubs: { ...stubs, ...change } });
const build = (change: Stubs = {}) => run("create", change);
/** Gives `bzImage` another recipe. */
const remake = (recipe: string) =>
  writeFileSync(join(args.tree, "Makefile"), `bzImage:\n\t@${recipe}\n${makefile.replace("bzImage:", "other:")}`);
const read = (name: string) => readFileSync(join(args.build, name), "utf8");

describe.runIf(isRoot)("a build", () => {
  it("hands on release, build id and package, and streams make's own lines", async () => {
    const ran = await build();
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain("CC mm/slub.o\n");
    const file = `${args.build}/linux-image-6.1.0+duet-abc_6.1.0-1+0123456789ab_amd64.deb`;
    const id = "0123456789abcdef0123456789abcdef01234567";
    expect(ran.stdout).toBe(`release: 6.1.0+duet-abc\nbuild-id: ${id}\npackage: ${file}\n`);
    expect(existsSync(file)).toBe(true);
  });

  it("is made in the build root, where make sees the sources and nothing else of the host's folders", async () => {
    const aside = temporaryFolder("aside-");
    remake(`ls -d '${args.tree}' ${aside}; echo 'mm/slub.c:7:2: error: seen'; exit 1`);
    const { stderr } = await runStep(script("/"), "create", { stubs });
    expect(stderr).toContain(`\n${args.tree}\n`);
    expect(stderr).toContain(`cannot access '${aside}'`);
    expect(stderr.trimEnd()).toMatch(/error: seen; make ended with status 2\S* and the whole log is/);
  });

  it("makes the kernel, its modules and gdb's scripts, through ccache, the same whoever builds", async () => {
    await build();
    expect(read("goals")).toBe("bzImage modules scripts_gdb\n");
    expect(read("cc")).toBe("gcc\n");
    expect(readlinkSync(join(args.ccache, "bin/gcc"))).toBe("/usr/bin/ccache");
    const env = read("env").split("\n");
    expect(env.find((line) => line.startsWith("PATH="))).toMatch(new RegExp(`^PATH=${args.ccache}/bin:.*/usr/bin`));
    expect(env).toEqual(expect.arrayContaining([`CCACHE_DIR=${args.ccache}`, "CCACHE_MAXSIZE=5G"]));
    expect(env).toEqual(expect.arrayContaining(["KBUILD_BUILD_USER=duet", "KBUILD_BUILD_HOST=duet"]));
    expect(env).toContain("KBUILD_BUILD_TIMESTAMP=1970-01-01 00:00:00 UTC");
  });

  it("asks for gdb's scripts by their own target only where the kernel has it, from 5.1 on", async () => {
    writeFileSync(join(args.tree, "Makefile"), makefile.replace("scripts_gdb: modules\n", ""));
    await build();
    expect(read("goals")).toBe("bzImage modules\n");
  });

  it("belongs to the developer", async () => {
    await build();
    for (const name of ["vmlinux", "Module.symvers", ...readdirSync(args.build).filter((name) => /deb$/.test(name))]) {
      expect([name, statSync(join(args.build, name)).uid]).toEqual([name, 54321]);
    }
    expect(statSync(args.ccache).uid).toBe(54321);
  });

  it("that fails reports the compiler's first error last, and where the log is", async () => {
    remake(
      `echo 'mm/slub.c:5:1: warning: error prone'; echo 'mm/slub.c:7:2: error: first' >&2; echo 'mm/slub.c:8:2: error: second'; exit 4`,
    );
    const ran = await build();
    expect(ran.code).toBe(1);
    expect(ran.stdout).toBe("");
    expect(lastLine(ran)).toMatch(/^cannot build the kernel: \d+:mm\/slub\.c:7:2: error: first; .*status 2/);
    expect(lastLine(ran).endsWith(join(args.build, "duet-build.log"))).toBe(true);
    expect(read("duet-build.log")).toContain("error: second");
  });

  it.each([
    ["a program that is not there", "/bin/sh: 1: flex: not found"],
    ["a symbol that is nowhere", "ld: slub.o: in function x: undefined reference to `y'"],
    ["a disk that is full", "write error: No space left on device"],
    ["modpost", 'ERROR: modpost: "y" [x.ko] undefined!'],
  ])("that fails for %s says so", async (_, line) => {
    remake(`echo before; printf '%s\\n' '${line.replaceAll("'", "'\\''")}'; echo after; exit 1`);
    expect(lastLine(await build())).toContain(line);
  });

  it("that has filled its disk says so, whatever was broken first, and if there was no room for its log", async () => {
    // The log has its first block before there is none left.
    const isBegun = `until [ -s "$(O)/duet-build.log" ]; do sleep 0.01; done`;
    const fill = (end: string) => remake(`echo 'slub.s:9: Error: end of file'; ${isBegun}; ${end}; exit 1`);
    const full = () =>
      runStep(script(), "create", {
        // A disk below the sources is refused, and this is one.
        stubs: { ...stubs, findmnt: ":" },
        enter: ["unshare", "--mount"],
        before: `mount -t tmpfs -o size=256k tmpfs '${args.build}'; echo >'${args.build}/.config'`,
      });
    // head writes its line in pieces, between which other jobs of make may write.
    fill(`said=$$(head -c 1M /dev/zero 2>&1 >"$(O)/vmlinux.o") || { rm "$(O)/vmlinux.o"; echo "$$said"; }`);
    expect(lastLine(await full())).toMatch(/^cannot build the kernel: \d+:head: .*: No space left on device; /);
    fill(`head -c 1M /dev/zero >"$(O)/vmlinux.o"; seq 10000`);
    expect(lastLine(await full())).toBe(
      `cannot build the kernel: the disk of ${args.build} is full, also for the log; free some of it, then run this again`,
    );
  });

  it("that fails reports its error also if the log is written slowly", async () => {
    remake(`echo 'mm/slub.c:7:2: error: first'; exit 1`);
    const ran = await build({ tee: `sleep 1; exec /usr/bin/tee "$@"` });
    expect(lastLine(ran)).toContain("mm/slub.c:7:2: error: first");
  });

  it("leaves no child if it is interrupted", async () => {
    remake(`echo started; sleep 300`);
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      const frame = { title: "build", step: "kernel", records: join(root, "steps") };
      const command = stepCommand(frame, true, "create").shell;
      const child = spawn("bash", ["-c", command], { stdio: ["pipe", "pipe", "pipe"] });
      child.stdin.end(stepInput(stepFile(frame, script(), "1.1"), ""));
      // The pipes close when nobody is left who could write to them.
      const closed = new Promise((resolve) => child.once("close", resolve));
      await new Promise<void>((resolve) =>
        child.stderr.on("data", (data) => {
          if (String(data).includes("started")) {
            resolve();
          }
        }),
      );
      child.kill(signal);
      await closed;
    }
  });

  it("is known by what a guest and gdb need of it", async () => {
    const facts = async () => (await run("facts")).stdout;
    expect(await facts()).not.toContain("vmlinux: ");
    await build();
    const before = await facts();
    expect(before).toMatch(
      /^vmlinux: \d+ bytes\nvmlinux-gdb\.py: \d+ bytes\nModule\.symvers: \d+ bytes\npackage: \S+\.deb\n$/,
    );
    rmSync(join(args.build, "vmlinux-gdb.py"));
    expect(await facts()).not.toBe(before);
    rmSync(args.build, { recursive: true });
    expect(await facts()).toBe("");
    mkdirSync(args.build);
  });
});

describe("KernelBuild", () => {
  const deployed = () =>
    deploy(
      () => {
        return localKernel(localHost(), { packages: ["debug"] });
      },
      {
        source: "commit: abc\nhash: h1",
        config: "config: c1",
        kernel: "CC x\nrelease: 6.1.0+duet-abc\nbuild-id: 0123\npackage: /b/l.deb\ndebug: /b/d.deb",
      },
    );

  it("is built again for other sources and for another configuration, with the commit in its release", async () => {
    const step = localStep(await deployed(), "kernel");
    expect(["sources", "configuration", "commit", "jobs"].map((name) => given(step, name))).toEqual([
      "h1",
      "c1",
      "abc",
      "''",
    ]);
  });

  it("hands on where it is and what it is", async () => {
    const { value, resource } = await deployed();
    expect([value.build, value.tree]).toEqual(["/d/build/duet-kernel", "/d/src"]);
    expect((await settled(value.buildId)).value).toBe("0123");
    expect(resource("duet:kernel:KernelBuild", "kernel").outputs).toEqual({
      release: "6.1.0+duet-abc",
      buildId: "0123",
      packages: ["/b/l.deb", "/b/d.deb"],
    });
  });
});
