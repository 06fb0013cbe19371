import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { runLibrary } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script-text.ts";
import { sh } from "../machine/shell.ts";
import type { KernelPackage } from "./build.ts";

const isRoot = process.getuid?.() === 0;
const release = "6.1.0+duet-abc";
const makefile = `modules_install:
	@mkdir -p "$(INSTALL_MOD_PATH)/lib/modules/${release}/kernel/fs"
	@ln -s /elsewhere "$(INSTALL_MOD_PATH)/lib/modules/${release}/build"
	@ln -s /elsewhere "$(INSTALL_MOD_PATH)/lib/modules/${release}/source"
	@echo module >"$(INSTALL_MOD_PATH)/lib/modules/${release}/kernel/fs/x.ko"; echo "$(INSTALL_MOD_STRIP)" >"$(O)/strip"
	@[ "$(DEPMOD)" = true ] || echo list >"$(INSTALL_MOD_PATH)/lib/modules/${release}/modules.dep"
`;

let root: string;
let args: { tree: string; build: string; ccache: string };
beforeEach(() => {
  root = temporaryFolder("it's packed-");
  const [source, build] = [join(root, "source"), join(root, "build")];
  args = { tree: source, build, ccache: join(root, "cc") };
  mkdirSync(source);
  mkdirSync(join(build, "arch/x86/boot"), { recursive: true });
  writeFileSync(join(source, "Makefile"), makefile);
  writeFileSync(join(build, "arch/x86/boot/bzImage"), "image");
  writeFileSync(join(build, "System.map"), "map");
  writeFileSync(join(build, ".config"), "CONFIG_X=y\n");
  chmodSync(build, 0o777);
});

/** Packs the build, and gives the paths of the packages by what they are. */
async function packed(packages: readonly (KernelPackage | "image" | "modules")[], buildId = "0123456789abcdef0123") {
  const read = (file: string) => readFileSync(join(import.meta.dirname, "package", file), "utf8").trimEnd();
  const script = scriptText(import.meta.url, "build.sh", {
    ...args,
    ...{ directory: root, what: "kernel-build", stack: "dev", uid: 54321, gid: 54322, jobs: 2, commit: "abc" },
    ...{ sources: "h1", configuration: "c1", build_root: "", compiler: "gcc", packages, objects_awk: ":" },
    ...{ postinst: read("postinst"), postrm: read("postrm"), control: read("control") },
  });
  const ran = await runLibrary(script, sh`pack ${release} ${buildId}`.shell);
  expect(ran.stderr.replaceAll(/^(dpkg-deb|make).*\n/gm, "")).toBe("");
  expect(ran.code).toBe(0);
  const lines = ran.stdout.match(/.+/g) ?? [];
  return Object.fromEntries(lines.map((line) => line.split(": "))) as Readonly<Record<string, string>>;
}

/** Packs the kernel alone. */
const pack = async (buildId?: string) => (await packed(["image"], buildId)).package ?? "";

const dpkgDeb = (...words: readonly string[]) => execFileSync("dpkg-deb", words, { encoding: "utf8" });
const maintainer = (file: string, name: string) => dpkgDeb("--info", file, name);

describe.runIf(isRoot)("the package of a kernel", () => {
  it("has the name and the version by which a guest knows the build", async () => {
    const file = await pack();
    expect(dpkgDeb("-f", file, "Package").trim()).toBe(`linux-image-${release}`);
    expect(dpkgDeb("-f", file, "Version").trim()).toBe("6.1.0-1+0123456789ab");
    expect(dpkgDeb("-f", file, "Maintainer").trim()).not.toBe("");
  });

  it("holds image, map, configuration and modules, as root's", async () => {
    const file = await pack();
    const listed = dpkgDeb("-c", file);
    for (const name of [
      `./boot/vmlinuz-${release}`,
      `./boot/System.map-${release}`,
      `./boot/config-${release}`,
      `./lib/modules/${release}/kernel/fs/x.ko`,
    ]) {
      expect(listed).toMatch(new RegExp(` root/root .* ${name.replaceAll(/[.+]/g, "\\$&")}\n`));
    }
    const out = join(root, "out");
    dpkgDeb("-x", file, out);
    expect(readFileSync(join(out, `boot/vmlinuz-${release}`), "utf8")).toBe("image");
    expect(readFileSync(join(args.build, "strip"), "utf8")).toBe("1\n");
  });

  it("leads modules to the build directory, which the guest sees at the same path, and to no sources", async () => {
    const listed = dpkgDeb("-c", await pack());
    expect(listed).toContain(`./lib/modules/${release}/build -> ${args.build}\n`);
    expect(listed).not.toContain("/source");
  });

  it("runs the distribution's own hooks, with the kernel that it is about", async () => {
    const file = await pack();
    for (const stage of ["postinst", "postrm"]) {
      const script = maintainer(file, stage);
      expect(script).toContain(`run-parts --arg=${release} --arg=/boot/vmlinuz-${release} /etc/kernel/${stage}.d`);
      expect(script).not.toContain("@");
      execFileSync("sh", ["-n"], { input: script });
    }
  });

  it("has the guest list its modules, with those that another package or nobody's has installed there", async () => {
    const file = await pack();
    expect(dpkgDeb("-c", file)).not.toContain("modules.dep");
    expect(maintainer(file, "postinst")).toContain(`\ndepmod ${release}\n`);
    expect(maintainer(file, "postrm")).toContain(`remove | purge) rm -f /lib/modules/${release}/modules.* ;;`);
  });

  it("asks for an initramfs only if the kernel can use one", async () => {
    expect(maintainer(await pack(), "postinst")).toContain("INITRD=No");
    writeFileSync(join(args.build, ".config"), "CONFIG_BLK_DEV_INITRD=y\n");
    expect(maintainer(await pack(), "postinst")).toContain("INITRD=Yes");
  });

  it("is the only one, the developer's, and leaves nothing beside it", async () => {
    await pack("1111111111111111");
    const file = await pack("2222222222222222");
    expect(readdirSync(args.build).filter((name) => /deb|package/.test(name))).toEqual([file.split("/").at(-1)]);
    expect(statSync(file).uid).toBe(54321);
  });

  it("has its symbols beside it if they are asked for, where perf looks for them", async () => {
    writeFileSync(join(args.build, "vmlinux"), "symbols");
    const { debug = "", ...others } = await packed(["image", "debug"]);
    expect([dpkgDeb("-f", debug, "Package").trim(), Object.keys(others)]).toEqual([
      `linux-image-${release}-dbg`,
      ["package"],
    ]);
    const listed = dpkgDeb("-c", debug);
    const folder = `./usr/lib/debug/lib/modules/${release}`;
    expect(listed).toContain(`${folder}/vmlinux\n`);
    expect(listed).toContain(`${folder}/kernel/fs/x.ko\n`);
    expect(listed).not.toMatch(/\/(build|source)\b/);
    expect(readFileSync(join(args.build, "strip"), "utf8")).toBe("\n");
  });

  it("has what builds modules beside it if that is asked for, from the sources and from the build", async () => {
    for (const [folder, files] of [
      [args.tree, ["include/linux/kernel.h", "scripts/Makefile.build", "arch/x86/include/asm/page.h", "fs/Kconfig"]],
      [args.build, ["include/generated/autoconf.h", "scripts/mod/modpost", "arch/x86/include/generated/a.h"]],
    ] as const) {
      for (const file of files) {
        mkdirSync(join(folder, file, ".."), { recursive: true });
        writeFileSync(join(folder, file), "");
      }
    }
    writeFileSync(join(args.tree, "fs/open.c"), "");
    writeFileSync(join(args.build, "Module.symvers"), "");
    const { headers = "" } = await packed(["headers"]);
    expect(dpkgDeb("-f", headers, "Package").trim()).toBe(`linux-headers-${release}`);
    const prefix = `./usr/src/linux-headers-${release}/`;
    const files = dpkgDeb("-c", headers).match(/(?<=^-.* )\.\/\S+$/gm) ?? [];
    expect(files.map((file) => file.replace(prefix, "")).sort()).toEqual([
      ".config",
      "Makefile",
      "Module.symvers",
      "arch/x86/include/asm/page.h",
      "arch/x86/include/generated/a.h",
      "fs/Kconfig",
      "include/generated/autoconf.h",
      "include/linux/kernel.h",
      "scripts/Makefile.build",
      "scripts/mod/modpost",
    ]);
  });

  it("loses what was packed beside it and is asked for no more", async () => {
    writeFileSync(join(args.build, "vmlinux"), "");
    await packed(["image", "debug"]);
    const file = await pack();
    expect(readdirSync(args.build).filter((name) => name.endsWith(".deb"))).toEqual([file.split("/").at(-1)]);
  });

  it("is not made for guests that boot it directly, whose modules take the place of those before", async () => {
    const modules = join(args.build, "modules.tar");
    writeFileSync(modules, "of the build before");
    writeFileSync(join(args.build, "linux-image-of-another-stack.deb"), "");
    expect(await packed(["modules"])).toEqual({});
    const { stdout } = spawnSync("tar", ["-tf", modules], { encoding: "utf8" });
    expect(stdout.split("\n").filter((name) => !name.endsWith("/"))).toEqual(["./kernel/fs/x.ko", ""]);
    expect(readdirSync(args.build).filter((name) => /\.ko$|\.deb$|\.new$/.test(name))).toEqual([
      "linux-image-of-another-stack.deb",
    ]);
  });

  it("is made again after one that was cut off", async () => {
    mkdirSync(join(args.build, ".package/boot"), { recursive: true });
    expect(dpkgDeb("-f", await pack(), "Package").trim()).toBe(`linux-image-${release}`);
  });
});
