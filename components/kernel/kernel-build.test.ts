import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, localMachine, localStep, scriptOf, settled } from "../../test/mocks.ts";
import { lastLine, runScript, type Stubs } from "../../test/run-script.ts";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import { endWithParent } from "../host/developer.ts";
import { result } from "../machine/result.ts";
import { buildFacts, buildScript, KernelBuild } from "./kernel-build.ts";
import type { KernelConfig } from "./kernel-config.ts";
import type { BuildScriptArgs } from "./make.ts";
import type { SourceTree } from "./source-tree.ts";

const isRoot = process.getuid?.() === 0;

/** A kernel tree whose targets make in small what the real ones do. */
const makefile = `release = 6.1.0$(LOCALVERSION)
bzImage:
	@echo 'CC mm/slub.o'; mkdir -p "$(O)/arch/x86/boot"
	@for file in vmlinux System.map arch/x86/boot/bzImage; do echo "$$file" >"$(O)/$$file"; done
	@env >"$(O)/env"; echo "$(MAKECMDGOALS)" >"$(O)/goals"; echo "$(CC)" >"$(O)/cc"
modules scripts_gdb:
	@touch "$(O)/Module.symvers" "$(O)/vmlinux-gdb.py"
kernelrelease:
	@echo "$(release)"
modules_install:
	@mkdir -p "$(INSTALL_MOD_PATH)/lib/modules/$(release)/kernel"
	@ln -s "$(O)" "$(INSTALL_MOD_PATH)/lib/modules/$(release)/build"
`;

const stubs: Stubs = { readelf: `echo '    Build ID: 0123456789abcdef0123456789abcdef01234567'` };

let root: string;
let args: BuildScriptArgs;
beforeEach(() => {
  root = temporaryFolder("a kernel-");
  args = {
    developer: { uid: 54321, gid: 54322 },
    source: join(root, "source tree"),
    build: join(root, "build tree"),
    ccache: join(root, "cc cache"),
    jobs: 2,
    localversion: "+duet-abc",
  };
  for (const folder of [args.source, args.build]) {
    mkdirSync(folder);
  }
  writeFileSync(join(args.source, "Makefile"), makefile);
  writeFileSync(join(args.build, ".config"), "CONFIG_BLK_DEV_INITRD=y\n");
});

const build = (change: Stubs = {}) => runScript(buildScript(args), { ...stubs, ...change });
/** Gives `bzImage` another recipe. */
const remake = (recipe: string) =>
  writeFileSync(join(args.source, "Makefile"), `bzImage:\n\t@${recipe}\n${makefile.replace("bzImage:", "other:")}`);
const read = (name: string) => readFileSync(join(args.build, name), "utf8");

describe.runIf(isRoot)("a build", () => {
  it("hands on release, build id and package, and streams make's own lines", async () => {
    const ran = await build();
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain("CC mm/slub.o\n");
    const file = `${args.build}/linux-image-6.1.0+duet-abc_6.1.0-1+0123456789ab_amd64.deb`;
    expect(result(ran.stdout, ["release", "build id", "package"])).toMatchObject({
      release: "6.1.0+duet-abc",
      "build id": "0123456789abcdef0123456789abcdef01234567",
      package: file,
    });
    expect(existsSync(file)).toBe(true);
  });

  it("makes the kernel, its modules and gdb's scripts, through ccache, the same whoever builds", async () => {
    await build();
    expect(read("goals")).toBe("bzImage modules scripts_gdb\n");
    expect(read("cc")).toBe("ccache gcc\n");
    const env = read("env").split("\n");
    expect(env).toContain(`CCACHE_DIR=${args.ccache}`);
    expect(env).toEqual(expect.arrayContaining(["KBUILD_BUILD_USER=duet", "KBUILD_BUILD_HOST=duet"]));
    expect(env).toContain("KBUILD_BUILD_TIMESTAMP=1970-01-01 00:00:00 UTC");
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
    expect(lastLine(ran)).toMatch(
      /^the kernel was to be built, and make ended with status 2; the first error is: \d+:mm\/slub\.c:7:2: error: first; the whole log is /,
    );
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

  it("that fails reports its error also where the log is written slowly", async () => {
    remake(`echo 'mm/slub.c:7:2: error: first'; exit 1`);
    const ran = await build({ tee: `sleep 1; exec /usr/bin/tee "$@"` });
    expect(lastLine(ran)).toContain("mm/slub.c:7:2: error: first");
  });

  it("leaves no child when it is interrupted", async () => {
    remake(`echo started; sleep 300`);
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      const step = `set -euo pipefail\n(\n${endWithParent(buildScript(args)).shell}\n)`;
      const child = spawn("bash", ["-c", step], { stdio: ["ignore", "pipe", "pipe"] });
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
    const facts = async () => (await runScript(buildFacts(args.build))).stdout;
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
      () =>
        new KernelBuild("kernel", {
          host: localMachine(),
          developer: args.developer,
          source: { directory: "/src", hash: "h1", commit: "abc" } as unknown as SourceTree,
          build: "/b",
          config: {
            hash: "c1",
            hold: { directory: "/d", what: "kernel-build", owner: "dev" },
          } as unknown as KernelConfig,
          ccache: "/cc",
        }),
      { kernel: "CC x\nrelease: 6.1.0+duet-abc\nbuild id: 0123\npackage: /b/l.deb" },
    );

  it("is built again for other sources and for another configuration, with the commit in its release", async () => {
    const { script } = scriptOf(localStep(await deployed(), "kernel"));
    expect(script).toContain("# sources h1, configuration c1\n");
    expect(script).toContain("LOCALVERSION=+duet-abc");
    expect(script).toContain('-j"$(nproc)"');
  });

  it("hands on where it is and what it is", async () => {
    const { value, resource } = await deployed();
    expect([value.directory, value.source]).toEqual(["/b", "/src"]);
    expect((await settled(value.buildId)).value).toBe("0123");
    expect(resource("duet:kernel:KernelBuild", "kernel").outputs).toEqual({
      release: "6.1.0+duet-abc",
      buildId: "0123",
      package: "/b/l.deb",
    });
  });
});
