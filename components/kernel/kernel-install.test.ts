import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, localMachine, localStep, scriptOf, settled } from "../../test/mocks.ts";
import { lastLine, type Ran, runScript, type Stubs } from "../../test/run-script.ts";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import type { VirtualMachine } from "../guest/virtual-machine.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";
import type { KernelBuild } from "./kernel-build.ts";
import {
  type BootKernelArgs,
  bootKernelFacts,
  bootKernelScript,
  KernelInstall,
  packageInstallFacts,
  packageInstallScript,
  packageRemoveScript,
  runningKernel,
} from "./kernel-install.ts";

const isRoot = process.getuid?.() === 0;
const release = "6.1.0+duet-abc";
const buildId = "0123456789abcdef0123456789abcdef01234567";

let root: string;
beforeEach(() => {
  root = temporaryFolder("kernels-");
});

const read = (name: string) => (existsSync(join(root, name)) ? readFileSync(join(root, name), "utf8") : "");
const write = (name: string, text: string) => writeFileSync(join(root, name), text);

/** With the folders of a guest that scripts write to as empty ones, in a mount namespace. */
const inGuest = (stubs: Stubs, ...scripts: readonly Shell[]) =>
  runScript(
    lines(
      sh`for folder in /etc/default /var/lib/dpkg /boot; do mount -t tmpfs tmpfs "$folder"; done; : >/var/lib/dpkg/lock-frontend`,
      ...scripts,
    ),
    stubs,
    ["unshare", "--mount"],
  );

/** Has this mount namespace see the kernel that runs in the file `running`: its release and build id. */
const seeKernel = () =>
  lines(
    sh`cd ${root}; see() { cut -d' ' -f1 running >osrelease`,
    sh`{ printf '\4\0\0\0\24\0\0\0\3\0\0\0GNU\0'; printf "$(cut -d' ' -f2 running | sed 's/../\\x&/g')"; } >notes; }`,
    sh`see; export -f see; mount --bind osrelease /proc/sys/kernel/osrelease; mount --bind notes /sys/kernel/notes`,
  );

describe("the kernel that runs", () => {
  it.runIf(isRoot)("is said with its release and build id, in one line", async () => {
    write("running", `${release} ${buildId}`);
    expect(await inGuest({}, seeKernel(), runningKernel)).toMatchObject({ code: 0, stdout: `${release} ${buildId}\n` });
  });

  it("is read from this kernel, which has such notes too", async () => {
    expect((await runScript(runningKernel)).stdout).toMatch(/^\S+ ([0-9a-f]{40})?\n$/);
  });
});

describe.runIf(isRoot)("installing the package", () => {
  const guest = (change: Stubs = {}): Stubs => ({
    dpkg: `echo "dpkg $*" >>'${root}/calls'; [ "$1" != --audit ] || cat '${root}/audit' 2>/dev/null`,
    "update-grub": `echo update-grub >>'${root}/calls'`,
    sync: `echo sync >>'${root}/calls'`,
    ...change,
  });
  const install = packageInstallScript("/media/it's/linux.deb");

  it("installs it, sets GRUB up, and has it on the disk when it is done", async () => {
    const ran = await inGuest(guest(), install, sh`cat /etc/default/grub.d/duet.cfg`);
    expect(ran.code).toBe(0);
    expect(read("calls")).toBe("dpkg --audit\ndpkg --force-confold -i /media/it's/linux.deb\nupdate-grub\nsync\n");
    expect(ran.stdout).toContain("GRUB_DEFAULT=saved\n");
    expect(ran.stdout).toContain('GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX nokaslr console=ttyS0"\n');
  });

  it("completes an installation that was cut off", async () => {
    write("audit", "linux-image is half installed\n");
    await inGuest(guest(), install);
    expect(read("calls")).toMatch(/^dpkg --audit\ndpkg --configure -a --force-confold\ndpkg --force-confold -i /);
  });

  it("completes what apt calls interrupted, of which an audit says nothing", async () => {
    await inGuest(guest(), sh`mkdir /var/lib/dpkg/updates; : >/var/lib/dpkg/updates/0001`, install);
    expect(read("calls")).toMatch(/^dpkg --audit\ndpkg --configure -a --force-confold\ndpkg --force-confold -i /);
  });

  it("that fails says which package, after dpkg's own lines", async () => {
    const dpkg = `case "$*" in *-i*) echo 'dpkg: error: bad archive' >&2; exit 1;; esac`;
    const ran = await inGuest(guest({ dpkg }), install);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain("dpkg: error: bad archive\n");
    expect(lastLine(ran)).toBe("/media/it's/linux.deb was to be installed, and dpkg could not, see its lines above");
    expect(read("calls")).not.toContain("update-grub");
  });

  /** Holds dpkg's lock as dpkg does, in the background, as `$holder`. */
  const lock = `use Fcntl; open(F, "+<", "/var/lib/dpkg/lock-frontend"); my $lock = pack("s s x4 l! l! i x4", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $lock) or die; $| = 1; print "held\n"; <STDIN>`;
  const hold = lines(sh`coproc holder { exec perl -e ${lock}; }`, { shell: `read -r _ <&"\${holder[0]}"` });
  const letGo = sh`kill "$holder_PID"; wait "$holder_PID" || true`;

  it("waits for another dpkg", async () => {
    const wait = sh`sleep() { echo waited; ${letGo}; }`;
    const ran = await inGuest(guest(), hold, wait, install);
    expect(ran).toMatchObject({ code: 0, stdout: "waited\n" });
    expect(read("calls")).toContain(" -i ");
  });

  it("drifts when a kernel goes, and when GRUB's settings are changed", async () => {
    const query = (names: string) => ({ "dpkg-query": `printf 'package %s: 1 installed\\n' ${names}` });
    const settings = sh`mkdir /etc/default/grub.d; echo a >/etc/default/grub.d/duet.cfg`;
    const before = await inGuest(query("linux-image-a+duet-1"), settings, packageInstallFacts);
    expect(before.stdout).toMatch(/^package linux-image-a\+duet-1: 1 installed\nGRUB settings: [0-9a-f]{16}\n$/);
    const changed = await inGuest(
      query("linux-image-a+duet-1"),
      settings,
      sh`echo b >/etc/default/grub.d/duet.cfg`,
      packageInstallFacts,
    );
    expect(changed.stdout).not.toBe(before.stdout);
    expect((await inGuest(query(""), settings, packageInstallFacts)).stdout).not.toBe(before.stdout);
  });

  it("is taken back, but for the kernel that runs", async () => {
    const stubs = guest({
      "dpkg-query": "printf '%s\\n' linux-image-6.1.0+duet-abc linux-image-6.1.0+duet-def",
      uname: `echo ${release}`,
    });
    const settings = sh`mkdir /etc/default/grub.d; echo a >/etc/default/grub.d/duet.cfg`;
    const ran = await inGuest(stubs, settings, packageRemoveScript, sh`ls /etc/default/grub.d`);
    expect(ran).toMatchObject({ code: 0, stdout: "" });
    expect(read("calls")).toBe("dpkg --purge linux-image-6.1.0+duet-def\nupdate-grub\n");
  });

  it("is taken back where there is nothing", async () => {
    const ran = await inGuest(guest({ "dpkg-query": "exit 1" }), packageRemoveScript);
    expect(ran.code).toBe(0);
  });
});

const grub = ["6.1.0+duet-abc", "6.1.0-10-amd64", "6.1.0+duet-old"]
  .map((name) => `menuentry 'Debian, with Linux ${name}' $menuentry_id_option 'gnulinux-${name}-advanced-1234' {`)
  .join("\n");

interface Boots {
  /** What runs before: its release and build id. */
  readonly before: string;
  /** What comes up after the guest was told to reboot; "nothing" where nothing does. */
  readonly after?: string;
  /** What its console says then. */
  readonly console?: string;
  /** How often ssh is refused after a reset, before it answers. Defaults to never. */
  readonly refuses?: number;
}

describe.runIf(isRoot)("running the kernel", () => {
  let args: BootKernelArgs;
  beforeEach(() => {
    args = {
      uri: "qemu:///system",
      domain: "duetdev",
      ssh: ["ssh", "-F", "/state/cfg", "duetdev"],
      consoleLog: join(root, "console"),
      release,
      buildId,
      source: join(root, "source"),
      build: join(root, "build"),
      timeout: 60,
    };
    write("console", "login:\n");
  });

  /** A guest behind ssh and virsh. What runs is in a file, and ssh runs in this very shell what it is told. */
  function guest({ before, after = "nothing", console = "", refuses = 0 }: Boots, change: Stubs = {}): Stubs {
    write("running", before);
    write("boots", "1");
    write("refusals", "0");
    return {
      ssh: `cd '${root}'; shift 3; left=$(cat refusals)
case "$*" in
  duetdev) exit 0;;
  'systemctl reboot') echo reboot >>calls; printf '%s' '${console}' >>console; echo '${after}' >running; echo 2 >boots; exit 255;;
esac
case "$*" in true) [ "$left" = 0 ] || { echo $((left - 1)) >refusals; exit 255; };; esac
[ "$(cat running)" != nothing ] || exit 255
case "$*" in *boot_id*) cat boots;; *) see; exec bash -c "$*";; esac`,
      virsh: `cd '${root}'; echo "virsh $4 $6" >>calls; [ "$4" != reset ] || { echo '6.1.0-10-amd64 f' >running; echo ${refuses} >refusals; }`,
      "grub-set-default": `echo "default $1" >>'${root}/calls'`,
      "grub-reboot": `echo "once $1" >>'${root}/calls'`,
      sleep: ":",
      sync: ":",
      ...change,
    };
  }

  const boot = (stubs: Stubs, change: Partial<BootKernelArgs> = {}): Promise<Ran> =>
    inGuest(
      stubs,
      sh`mkdir /boot/grub; printf '%s\n' ${grub} >/boot/grub/grub.cfg`,
      seeKernel(),
      bootKernelScript({ ...args, ...change }),
    );
  const wanted = `${release} ${buildId}`;
  const old = "6.1.0-10-amd64 ffffffffffffffffffffffffffffffffffffffff";

  it("reboots into it once, and makes it the default only after it has come up", async () => {
    const ran = await boot(guest({ before: old, after: wanted }));
    expect(ran).toMatchObject({ code: 0, stdout: `running: ${release}\n` });
    expect(read("calls").split("\n")).toEqual([
      "default gnulinux-6.1.0-10-amd64-advanced-1234",
      "once gnulinux-6.1.0+duet-abc-advanced-1234",
      "reboot",
      "default gnulinux-6.1.0+duet-abc-advanced-1234",
      "",
    ]);
  });

  it("reboots nothing where it runs already", async () => {
    const ran = await boot(guest({ before: wanted }));
    expect(ran).toMatchObject({ code: 0, stdout: `running: ${release}\n` });
    expect(read("calls")).toBe("default gnulinux-6.1.0+duet-abc-advanced-1234\n");
  });

  it("reboots into another build of the same release", async () => {
    const ran = await boot(guest({ before: `${release} ${"f".repeat(40)}`, after: wanted }));
    expect(ran.code).toBe(0);
    expect(read("calls")).toContain("reboot\n");
  });

  const panic = "BUG: x+0x12/0x40\n---[ end Kernel panic - not syncing: VFS ]---\n";

  it("that panics falls back to the old one at once, and shows the console's last lines", async () => {
    const ran = await boot(guest({ before: old, console: panic, refuses: 5 }));
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(
      `kernel ${release} was asked for, and duetdev booted it and panicked: it is reset into its old kernel; the last lines of its console were:\n`,
    );
    expect(lastLine(ran)).toBe("---[ end Kernel panic - not syncing: VFS ]---");
    expect(read("calls")).toMatch(/reboot\nvirsh reset duetdev\n$/);
    expect(read("running")).toContain("6.1.0-10-amd64");
  });

  it("that panics has its addresses decoded to file and line, where the sources know how", async () => {
    mkdirSync(join(args.source, "scripts"), { recursive: true });
    const decode = `#!/bin/bash\n[ "$1" = '${args.build}/vmlinux' ] && sed 's,x+0x12/0x40,x (mm/slub.c:7),'`;
    writeFileSync(join(args.source, "scripts/decode_stacktrace.sh"), decode, { mode: 0o755 });
    const ran = await boot(guest({ before: old, console: panic }));
    expect(ran.stderr).toContain("BUG: x (mm/slub.c:7)\n");
  });

  it("that hangs falls back too, and says so when the old one does not come up either", async () => {
    const stubs = guest({ before: old });
    const ran = await boot({ ...stubs, virsh: `echo "virsh $4" >>'${root}/calls'` }, { timeout: 0 });
    expect(ran.code).toBe(1);
    expect(read("calls")).toContain("virsh reset\n");
    expect(lastLine(ran)).toBe("duetdev did not come up with its old kernel either");
  });

  it("is not taken for panicked by what the console said before", async () => {
    write("console", panic);
    expect((await boot(guest({ before: old, after: wanted }))).code).toBe(0);
  });

  it("that is another than was asked for is an error that names both, and is no default", async () => {
    const ran = await boot(guest({ before: old, after: `6.1.0+duet-old ${"e".repeat(40)}` }));
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toBe(
      `kernel ${wanted} was asked for, and duetdev came up with 6.1.0+duet-old ${"e".repeat(40)}: see its console, ${args.consoleLog}`,
    );
    expect(read("calls")).not.toContain("default gnulinux-6.1.0+duet-abc");
  });

  it("that GRUB does not know is not booted", async () => {
    const ran = await boot(guest({ before: old, after: wanted }), { release: "6.9+duet-none" });
    expect(ran.code).not.toBe(0);
    expect(lastLine(ran)).toBe(
      "kernel 6.9+duet-none was asked for, and GRUB in the guest has no entry for it: is its package installed there?",
    );
    expect(read("calls")).toBe("");
  });

  it("is known by what runs and what would at the next boot", async () => {
    const environment = sh`mkdir /boot/grub; printf '%s\n' '# GRUB' a=b=c saved_entry=entry-1 '####' >/boot/grub/grubenv`;
    expect((await inGuest(guest({ before: wanted }), environment, seeKernel(), bootKernelFacts)).stdout).toBe(
      `running kernel: ${wanted}\ndefault entry: entry-1\n`,
    );
  });
});

describe("KernelInstall", () => {
  const deployed = () =>
    deploy(
      () => {
        const guest = {
          machine: localMachine("guest"),
          ssh: pulumi.output(["ssh", "duetdev"]),
          consoleLog: "/log",
        } as unknown as VirtualMachine;
        const kernel = {
          package: pulumi.output("/b/l.deb"),
          release: pulumi.output(release),
          buildId: pulumi.output(buildId),
          source: "/src",
          directory: "/b",
        } as unknown as KernelBuild;
        return new KernelInstall("vm-kernel", { uri: "u", domain: "duetdev", guest, kernel, dependsOn: [] });
      },
      { "vm-kernel-boot": `running: ${release}` },
    );

  it("installs in the guest, and boots from the host, again with each build", async () => {
    const deployment = await deployed();
    const { resource } = deployment;
    const declared = Object.keys(resource("duet:machine:Facts", "guest").inputs.steps);
    expect(declared.sort()).toEqual(["vm-kernel-boot", "vm-kernel-package"]);
    expect(scriptOf(localStep(deployment, "vm-kernel-package")).script).toContain("/b/l.deb");
    const { script } = scriptOf(localStep(deployment, "vm-kernel-boot"));
    expect(script).toContain(`'${release} ${buildId}'`);
    expect(script).toMatch(/ssh duetdev .*?rm -f -- /s);
  });

  it("hands on what runs", async () => {
    const { value, resource } = await deployed();
    expect(await settled(value.release)).toEqual({ value: release, secret: false });
    expect(resource("duet:kernel:KernelInstall", "vm-kernel").outputs).toEqual({ release });
  });
});
