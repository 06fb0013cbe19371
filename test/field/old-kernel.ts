import { join } from "node:path";
import { type Shell, sh } from "../../components/index.ts";
import { demand, ofSamples, stopsInGdb } from "../e2e/checks.ts";
import { developer, kernel, sources } from "../e2e/stack.ts";
import { lines } from "../support/lines.ts";
import { change, type FieldCase } from "./case.ts";

const suite = "bullseye";
const package_ = "linux-source-5.10";
const directory = "/srv/duet-old";
const tree = `${directory}/${package_}`;

/** Unpacks the sources of the suite's kernel, which no package of this machine has. */
function unpack(fetchNamespace: string, scratch: string): Shell {
  const fetched = join(scratch, "fetched");
  const words = ["--mode=root", "--variant=extract", `--include=${package_}`, "--aptopt=APT::Install-Recommends false"];
  const archive = join(fetched, `usr/src/${package_}.tar.xz`);
  return sh`mkdir -p ${directory}; rm -rf ${fetched} ${tree}
    nsenter --net=${fetchNamespace} mmdebstrap --quiet ${words} ${suite} ${fetched} 2>&1
    tar -C ${directory} --no-same-owner -xf ${archive}; rm -rf ${fetched}; chown -R ${developer.uid}:${developer.uid} ${directory}`;
}

/**
 * Makes the sources older still. Before Linux 5.1 gdb's scripts come with vmlinux, and no target has their name; up to
 * 4.19 lx-symbols reads vmlinux in the folder where gdb works.
 */
const age = lines(
  sh`cd ${tree}; grep -q '^scripts_gdb:' Makefile; grep -q 'orig_vmlinux = obj' scripts/gdb/linux/symbols.py`,
  sh`sed -i -e 's/scripts_gdb/gdb_scripts/g' -e 's/^all: gdb_scripts/vmlinux: gdb_scripts/' Makefile`,
  sh`sed -i '/for obj in gdb.objfiles/,/orig_vmlinux = obj/d' scripts/gdb/linux/symbols.py`,
);

/** A kernel with its module, built with the compiler of its time, and debugged in a guest of today. A build is most of an hour. */
export const oldKernelCase: FieldCase = {
  kind: "W4",
  name: "a kernel of another time is built with the compiler of that time",
  run: async (stack, say) => {
    say(`fetch ${package_}`);
    try {
      await stack.host(unpack(`/run/netns/${stack.paths.outerNamespace}`, stack.folder), 1200);
      await stack.host(age);
      await change(stack, {
        "duet:sources": { ...sources, directory, kernel: { tree } },
        "duet:kernel": { ...kernel, toolchain: { suite } },
      });
      await stopsInGdb(stack, stack.access("one"), ofSamples);
      const version = await stack.guest("one", sh`cat /proc/version; modinfo -F vermagic duet`);
      demand("the kernel and its compiler", version, /^Linux version 5\.10\.\d+\+duet-.*gcc.* 10\.2/);
      demand("the kernel that the module is for", version, /\n5\.10\.\d+\+duet-/);
      say("back");
      await change(stack, {});
    } finally {
      await stack.host(sh`rm -rf ${tree}; rmdir ${directory} 2>/dev/null || true`);
    }
  },
};
