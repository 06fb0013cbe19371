import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runLibrary } from "../../../test/support/run-script.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { scriptText } from "../script-text.ts";

/** What QEMU 7.2 says of a processor. */
const processor = (name: string, address: string, privilege = 0) => `${name}
RAX=0000000000000000 RBX=ffffffff82013580 RCX=0000000000000001 RDX=0000000000000000
RIP=${address} RFL=00000246 [---Z-P-] CPL=${privilege} II=0 A20=1 SMM=0 HLT=1
CS =0010 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]`;
const before = "CPU#0\nEAX=00000000 EBX=00000000\nEIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0";

describe("where a guest stands that does not answer", () => {
  /** Its kernel has a function at the address of the kernel's text, with a line. */
  const standing = (registers: string) => {
    const build = temporaryFolder("it's a build-");
    writeFileSync(
      join(build, "spin.s"),
      '.file 1 "/src/spin.c"\n.globl spin\n.type spin,@function\nspin:\n.loc 1 7\nnop\n',
    );
    const linked = `as -o spin.o spin.s && ld -Ttext=0xffffffff81000000 -e spin -o vmlinux spin.o`;
    execFileSync("sh", ["-c", linked], { cwd: build, stdio: "ignore" });
    const stubs = {
      virsh: `[ "$*" = "-q -c qemu:///x qemu-monitor-command --hmp -- vm info registers -a" ] && ${registers}`,
    };
    const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const text = scriptText(import.meta.url, "standing.sh", { uri: "qemu:///x", guest: "vm", build, ...ids });
    return runLibrary(text, "standing", { stubs }).then(({ stdout }) => stdout);
  };
  const says = (...all: readonly string[]) => `cat <<'END'\n${all.join("\n")}\nEND`;

  it("is told by function and line of the kernel, each place once", async () => {
    const spins = [processor("CPU#0", "ffffffff81000000"), processor("CPU#1", "ffffffff81000000")];
    expect(await standing(says(...spins))).toBe("; it stands in spin (/src/spin.c:7)");
  });

  it("is told as far as it can be if it is not in the kernel, or nobody knows the place", async () => {
    const others = [before, processor("CPU#1", "ffffffffa0000d30"), processor("CPU#2", "00005581a0000000", 3)];
    expect(await standing(says(...others))).toBe("; it stands in its firmware or boot loader, a module, a program");
    expect(await standing(says(processor("CPU#0", "ffffffff8fffffff")))).toBe(
      "; it stands in the kernel at 0xffffffff8fffffff",
    );
  });

  it("is not told if QEMU does not say", async () => {
    expect(await standing("echo 'error: Timed out' >&2; exit 1")).toBe("");
  });
});
