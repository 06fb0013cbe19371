import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { runLibrary } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script-text.ts";

/** Folders of a kernel in small, in the ways in which the Makefiles of Linux 6.1 and of 4.6 list objects. */
const tree = {
  Makefile: "core-y := usr/\nnet-$(CONFIG_NET)\t:= net/\nlibs-y := lib/\nVERSION = 6\n",
  Kbuild: "obj-y += mm/\nobj-$(CONFIG_BLOCK) += block/\n",
  "arch/x86/Makefile": "drivers-$(CONFIG_PCI) += arch/x86/pci/\n",
  "arch/x86/Kbuild": "obj-$(subst m,y,$(CONFIG_HYPERV)) += hyperv/\nobj-y += kernel/\n",
  "arch/x86/boot/Makefile": "setup-y += a20.o bioscall.o\n",
  "arch/x86/boot/compressed/Makefile": "vmlinux-objs-y := $(obj)/head.o $(obj)/vmlinux.lds\n",
  "arch/x86/hyperv/Makefile": "obj-y := not.o\n",
  "arch/x86/kernel/Makefile": "obj-y += one.o # two.o\nobj-y += one.o\n",
  "arch/x86/pci/Makefile": "obj-y := pci.o\n",
  "block/Makefile": "obj-y := not.o\n",
  "lib/Makefile": "lib-y := a.o \\\n  b.o\nlib-$(CONFIG_SMP) += not.o\n",
  "mm/Makefile": "mmu-y := fault.o memory.o\nmmu-$(CONFIG_MMU) += mlock.o\nobj-y := slub.o $(mmu-y)\n",
  "net/Makefile": "obj-$(CONFIG_NET) += both.o\nboth-y := this.o\nboth-objs += that.o\nobj-m += sub/\n",
  "net/sub/Makefile": "obj-$(CONFIG_LOCKD) += lockd.o\nlockd-objs-y += x.o y.o\nlockd-objs := $(lockd-objs-y)\n",
  "usr/Makefile": "subdir- += boot\n",
};

/** Tells how many are to be made, as the step does it. */
async function told(config: readonly string[], made = 0): Promise<string> {
  const folder = temporaryFolder("a kernel-");
  const build = join(folder, "build");
  const { ".config": text, ...files } = { ...tree, ".config": [...config, "# CONFIG_BLOCK is not set\n"].join("\n") };
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  mkdirSync(build);
  writeFileSync(join(build, ".config"), text);
  for (let at = 0; at < made; at += 1) writeFileSync(join(build, `.${at}.o.cmd`), "");
  const objectsAwk = readFileSync(join(import.meta.dirname, "objects.awk"), "utf8").trimEnd();
  const script = scriptText(import.meta.url, "build.sh", {
    ...{ tree: folder, build, ccache: folder, directory: folder, what: "kernel-build", stack: "dev", uid: 1, gid: 1 },
    ...{
      jobs: 2,
      commit: "abc",
      sources: "h1",
      configuration: "c1",
      build_root: "",
      compiler: "gcc",
      packages: ["image"],
    },
    ...{ postinst: "p", postrm: "p", control: "c", objects_awk: objectsAwk },
  });
  const { code, stderr } = await runLibrary(script, "tell_objects");
  expect(code).toBe(0);
  return stderr;
}

it("are counted as the Makefiles list them for a configuration, each once", async () => {
  // Three of boot, one, a and b, slub, fault and memory.
  expect(await told([])).toBe("objects to make: 9\n");
  expect(await told(["CONFIG_MMU=y", "CONFIG_PCI=y"])).toBe("objects to make: 11\n");
  // this and that; x and y, as a module.
  expect(await told(["CONFIG_NET=y", "CONFIG_LOCKD=m"])).toBe("objects to make: 13\n");
});

it("are those that are not there yet, and nothing is said of an edit", async () => {
  expect(await told([], 4)).toBe("objects to make: 5\n");
  expect(await told([], 9)).toBe("");
});
