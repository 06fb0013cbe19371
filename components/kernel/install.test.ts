import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { beforeEach, describe, expect, it } from "vitest";
import { localKernel } from "../../test/support/kernel.ts";
import { deploy, given, localGuest, localHost, localStep, printedOf, settled } from "../../test/support/mocks.ts";
import { lastLine, type Ran, runLibrary, runStep, type Stubs, type Verb } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { ownKernelStylesheet } from "../guest/definition.ts";
import { scriptText } from "../machine/script-text.ts";
import { sh } from "../machine/shell.ts";
import { KernelInstall } from "./install.ts";

const isRoot = process.getuid?.() === 0;
const release = "6.1.0+duet-abc";
const buildId = "0123456789abcdef0123456789abcdef01234567";

let root: string;
beforeEach(() => {
  root = temporaryFolder("kernels-");
});

const read = (name: string) => (existsSync(join(root, name)) ? readFileSync(join(root, name), "utf8") : "");
const write = (name: string, text: string) => writeFileSync(join(root, name), text);

/** The folders of a guest that steps write to, as empty ones, in a mount namespace. */
const emptied = `for folder in /etc/default /var/lib/dpkg /boot; do mount -t tmpfs tmpfs "$folder"; done
: >/var/lib/dpkg/lock-frontend`;
const enter = ["unshare", "--mount"];

/** Bash that has this mount namespace see the kernel which runs in the file `running`: its release and build id. */
const see = `cut -d' ' -f1 running >osrelease
{ printf '\\4\\0\\0\\0\\24\\0\\0\\0\\3\\0\\0\\0GNU\\0'; printf "$(cut -d' ' -f2 running | sed 's/../\\\\x&/g')"; } >notes`;
const seeKernel = () => `cd '${root}'
${see}
mount --bind osrelease /proc/sys/kernel/osrelease; mount --bind notes /sys/kernel/notes`;

const bootValues = () => ({
  uri: "qemu:///system",
  guest: "duetdev",
  ssh: ["ssh", "-F", "/state/cfg", "duetdev"],
  console: join(root, "console"),
  release,
  build_id: buildId,
  packages: ["/b/l.deb"],
  kernel_stylesheet: ownKernelStylesheet,
  tree: join(root, "source"),
  build: join(root, "build"),
  ...{ modules: join(root, "module"), uid: 1000, gid: 1000 },
  ...{ watch: join(root, "watch"), reports: join(root, "reports"), told: join(root, "told") },
  timeout: 60,
});
const bootScript = (change: Partial<ReturnType<typeof bootValues>> = {}) =>
  scriptText(import.meta.url, "boot.sh", { ...bootValues(), ...change });

describe("the kernel that runs", () => {
  it.runIf(isRoot)("is said with its release and build id, in one line", async () => {
    write("running", `${release} ${buildId}`);
    const ran = await runLibrary(bootScript(), "running_kernel", { enter, before: `${emptied}\n${seeKernel()}` });
    expect(ran).toMatchObject({ code: 0, stdout: `${release} ${buildId}\n` });
  });

  it("is read from this kernel, which has such notes too", async () => {
    expect((await runLibrary(bootScript(), "running_kernel")).stdout).toMatch(/^\S+ ([0-9a-f]{40})?\n$/);
  });
});

describe.runIf(isRoot)("installing the package", () => {
  const guest = (change: Stubs = {}): Stubs => ({
    dpkg: `echo "dpkg $*" >>'${root}/calls'; [ "$1" != --audit ] || cat '${root}/audit' 2>/dev/null`,
    "update-grub": `echo update-grub >>'${root}/calls'; mkdir -p /boot/grub; : >/boot/grub/grub.cfg`,
    sync: ":",
    ...change,
  });
  const settings = readFileSync(join(import.meta.dirname, "grub.cfg"), "utf8");
  const values = { packages: ["/media/it's/linux.deb"], grub_settings: settings, fetch_namespace: "" };
  const script = scriptText(import.meta.url, "install.sh", values);
  const run = (verbs: Verb | readonly Verb[], stubs: Stubs, before = ":", after = ":") =>
    runStep(script, verbs, { stubs, enter, before: `${emptied}\n${before}`, after });

  it("installs it, sets GRUB up, and has it on the disk when it is done", async () => {
    const ran = await run(
      "create",
      guest({ sync: `[ $# -gt 0 ] || echo sync >>'${root}/calls'` }),
      ":",
      "cat /etc/default/grub.d/duet.cfg",
    );
    expect(ran.code).toBe(0);
    expect(read("calls")).toBe("dpkg --audit\ndpkg --force-confold -i /media/it's/linux.deb\nupdate-grub\nsync\n");
    expect(ran.stdout).toContain("GRUB_DEFAULT=saved\n");
    expect(ran.stdout).toContain('GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX nokaslr console=ttyS0"\n');
  });

  it("has a boot speak on the console, whatever the distribution says before it", async () => {
    const sourced = `GRUB_CMDLINE_LINUX=net.ifnames=0; GRUB_CMDLINE_LINUX_DEFAULT='quiet splash loglevel=3'
      . '${join(import.meta.dirname, "grub.cfg")}'; echo "$GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT"`;
    const { stdout } = await execa("sh", ["-c", sourced]);
    expect(stdout.split(" ").slice(0, 3)).toEqual(["net.ifnames=0", "nokaslr", "console=ttyS0"]);
    expect(stdout.match(/(quiet|loglevel=\d)/g)?.at(-1)).toBe("loglevel=7");
  });

  it("leaves the kernel that runs and the new one, and removes those before them", async () => {
    const running = `linux-image-${os.release()}`;
    const before = "linux-image-6.0+duet-a linux-image-6.0+duet-a-dbg linux-headers-6.0+duet-a";
    const names = `${before} linux-image-6.1+duet-b linux-image-6.1+duet-b-dbg linux-headers-6.1+duet-b ${running}`;
    const values = {
      packages: [
        "/b/linux-image-6.1+duet-b_6.1-1+c_amd64.deb",
        "/b/linux-image-6.1+duet-b-dbg_6.1-1+c_amd64.deb",
        "/b/linux-headers-6.1+duet-b_6.1-1+c_amd64.deb",
      ],
      grub_settings: settings,
      fetch_namespace: "",
    };
    const stubs = guest({ "dpkg-query": `printf '%s\\n' ${names}`, sync: ":" });
    const installs = scriptText(import.meta.url, "install.sh", values);
    await runStep(installs, "create", { stubs, enter, before: emptied });
    expect(read("calls")).toBe(
      [
        "dpkg --audit",
        ...before.split(" ").map((name) => `dpkg --purge ${name}`),
        `dpkg --force-confold -i ${values.packages.join(" ")}`,
        "update-grub\n",
      ].join("\n"),
    );
  });

  it("makes grub.cfg once, whether the distribution has hooks that do so for each kernel, or none", async () => {
    const package_ = "/b/linux-image-6.1+duet-b_6.1-1+c_amd64.deb";
    const installs = scriptText(import.meta.url, "install.sh", { ...values, packages: [package_] });
    // As /etc/kernel/postinst.d/zz-update-grub does it.
    const hook = "if command -v update-grub >/dev/null; then update-grub; fi";
    for (const after of [hook, ":"]) {
      write("calls", "");
      const dpkg = `echo "dpkg $1" >>'${root}/calls'; case "$*" in *-i* | *--purge*) ${after} ;; esac`;
      const stubs = guest({ dpkg, "dpkg-query": "printf '%s\\n' linux-image-6.0+duet-a linux-image-5.9+duet-z" });
      expect((await runStep(installs, "create", { stubs, enter, before: emptied })).code).toBe(0);
      expect(read("calls").match(/^update-grub$/gm)).toHaveLength(1);
      expect(read("calls")).toMatch(/^dpkg --purge\n.*dpkg --force-confold\nupdate-grub\n$/ms);
      await runStep(installs, "delete", { stubs, enter, before: emptied });
      expect(read("calls").match(/^update-grub$/gm)).toHaveLength(2);
    }
  });

  it("refuses one that does not fit, and says if the next one would not", async () => {
    const package_ = join(root, "linux.deb");
    writeFileSync(package_, Buffer.alloc(3 * 1024 ** 2));
    const installs = scriptText(import.meta.url, "install.sh", { ...values, packages: [package_] });
    // Of the two numbers the first is the one of blocks.
    const stat = (mebibytes: string) =>
      `if [ "$1" = -f ]; then echo "$(${mebibytes}) * 4096 >> 20"; else exec /usr/bin/stat "$@"; fi`;
    const stubs = (mebibytes: string) => guest({ stat: stat(mebibytes) });
    const full = await runStep(installs, "create", { stubs: stubs("echo $((34 << 8))"), enter, before: emptied });
    expect(full.code).toBe(1);
    expect(lastLine(full)).toMatch(
      new RegExp(`^cannot install \\S+: the disk of ${os.hostname()} has 34 MiB left, and it takes 35; free some`),
    );
    expect(read("calls")).toBe("dpkg --audit\n");
    const near = stubs(`grep -qs -e -i '${root}/calls' && echo $((34 << 8)) || echo $((35 << 8))`);
    const last = await runStep(installs, "create", { stubs: near, enter, before: emptied });
    expect(last.code).toBe(0);
    expect(lastLine(last)).toMatch(
      new RegExp(`^the disk of ${os.hostname()} has 34 MiB left, and the next kernel takes 35; free some`),
    );
  });

  it.each([
    ["nothing new", ":", 1],
    ["another kernel", ": >/boot/vmlinuz-9", 2],
    ["an initial RAM disk", ": >/boot/initrd.img-9", 2],
    ["a grub.cfg that somebody else has made", "touch -d tomorrow /boot/grub/grub.cfg", 2],
    ["no grub.cfg", "rm /boot/grub/grub.cfg", 2],
  ])("tells GRUB of %s if another build of a kernel is installed", async (_what, between, times) => {
    const dpkg = `case "$*" in *-i*) [ ! -e '${root}/again' ] || { ${between}; }; : >'${root}/again' ;; esac`;
    expect((await run(["create", "create"], guest({ dpkg }))).code).toBe(0);
    expect(read("calls").match(/^update-grub$/gm)).toHaveLength(times);
  });

  it("completes an installation that was cut off", async () => {
    write("audit", "linux-image is half installed\n");
    await run("create", guest());
    expect(read("calls")).toMatch(/^dpkg --audit\ndpkg --configure -a --force-confold\ndpkg --force-confold -i /);
  });

  it("completes what apt calls interrupted, of which an audit says nothing", async () => {
    await run("create", guest(), "mkdir /var/lib/dpkg/updates; : >/var/lib/dpkg/updates/0001");
    expect(read("calls")).toMatch(/^dpkg --audit\ndpkg --configure -a --force-confold\ndpkg --force-confold -i /);
  });

  it("that fails says which package, after dpkg's own lines", async () => {
    const dpkg = `case "$*" in *-i*) echo 'dpkg: error: bad archive' >&2; exit 1;; esac`;
    const ran = await run("create", guest({ dpkg }));
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain("dpkg: error: bad archive\n");
    expect(lastLine(ran)).toContain("cannot install linux.deb: ");
    expect(read("calls")).not.toContain("update-grub");
  });

  it("waits for another dpkg", async () => {
    // As dpkg takes it: a lock of fcntl(2).
    const lock = `use Fcntl; open(F, "+<", "/var/lib/dpkg/lock-frontend"); my $lock = pack("s s x4 l! l! i x4", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $lock) or die; $| = 1; print "held\\n"; sleep 60`;
    const hold = sh`perl -e ${lock} >${join(root, "held")} & echo $! >${join(root, "holder")}
until [ -s ${join(root, "held")} ]; do :; done`.shell;
    const sleep = `echo waited >>'${root}/calls'; kill "$(cat '${root}/holder')" || true`;
    const ran = await run("create", guest({ sleep }), hold);
    expect(ran.code).toBe(0);
    expect(read("calls")).toMatch(/^waited\n.* -i /s);
  });

  it("drifts if a kernel goes, and if GRUB's settings are changed", async () => {
    const query = (names: string) => ({ "dpkg-query": `printf 'package %s: 1 installed\\n' ${names}` });
    const facts = async (names: string, settings: string) =>
      (await run("facts", query(names), `mkdir /etc/default/grub.d; echo ${settings} >/etc/default/grub.d/duet.cfg`))
        .stdout;
    const before = await facts("linux-image-a+duet-1", "a");
    expect(before).toMatch(/^package linux-image-a\+duet-1: 1 installed\nGRUB settings: [0-9a-f]{16}\n$/);
    expect(await facts("linux-image-a+duet-1", "b")).not.toBe(before);
    expect(await facts("", "a")).not.toBe(before);
  });

  it("is as recorded, and nobody is asked, until one of its packages is gone or new", async () => {
    const packages = ["/b/linux-image-6.1+duet-b_6.1-1+c_amd64.deb"];
    const installs = scriptText(import.meta.url, "install.sh", { ...values, packages });
    const list = "/var/lib/dpkg/info/linux-image-6.1+duet-b.list";
    const facts = async (since: string) => {
      const before = `${emptied}; mkdir /var/lib/dpkg/info /etc/default/grub.d; touch '${list}' /etc/default/grub.d/duet.cfg
echo as recorded >'${root}/step'; ${since}`;
      const stubs = { "dpkg-query": "echo asked" };
      return (await runStep(installs, "facts", { stubs, enter, before, records: root })).stdout;
    };
    expect(await facts(":")).toBe("as recorded\n");
    expect(await facts(`rm '${list}'`)).toMatch(/^asked$/m);
    expect(await facts("touch -d tomorrow /var/lib/dpkg/info/linux-image-9+duet-x.list")).toMatch(/^asked$/m);
  });

  it("is taken back, but for the kernel that runs", async () => {
    const stubs = guest({
      "dpkg-query": "printf '%s\\n' linux-image-6.1.0+duet-abc linux-image-6.1.0+duet-def",
      uname: `echo ${release}`,
    });
    const before = "mkdir /etc/default/grub.d; echo a >/etc/default/grub.d/duet.cfg";
    const ran = await run("delete", stubs, before, "ls /etc/default/grub.d");
    expect(ran).toMatchObject({ code: 0, stdout: "" });
    expect(read("calls")).toBe("dpkg --purge linux-image-6.1.0+duet-def\nupdate-grub\n");
  });

  it("is taken back if there is nothing", async () => {
    const ran = await run("delete", guest({ "dpkg-query": "exit 1" }));
    expect(ran.code).toBe(0);
  });
});

const grub = ["6.1.0+duet-abc", "6.1.0-10-amd64", "6.1.0+duet-old"]
  .map((name) => `menuentry 'Debian, with Linux ${name}' $menuentry_id_option 'gnulinux-${name}-advanced-1234' {`)
  .join("\n");

interface Boots {
  /** What runs before: its release and build id. */
  readonly before: string;
  /** What comes up after the guest was told to reboot; "nothing" if nothing does. */
  readonly after?: string;
  /** What its console says then. */
  readonly console?: string;
  /** How often ssh is refused after a reset, before it answers. Defaults to never. */
  readonly refuses?: number;
  /** What libvirt says of how it runs. Defaults to kvm. */
  readonly type?: "kvm" | "qemu";
}

describe.runIf(isRoot)("running the kernel", () => {
  beforeEach(() => write("console", "login:\n"));

  /** A guest behind ssh and virsh. What runs is in a file, and ssh runs in this very shell what it is told. */
  function guest({ before, after = "nothing", console = "", refuses = 0, type = "kvm" }: Boots, change: Stubs = {}) {
    write("running", before);
    write("boots", "1");
    write("refusals", "0");
    write("state", "running");
    const goesDown = `printf '%s' '${console}' >>console; echo '${after}' >running; echo 2 >boots`;
    return {
      ssh: `cd '${root}'; shift 3; left=$(cat refusals)
case "$*" in
  duetdev) exit 0;;
  'systemctl reboot') echo reboot >>calls; ${goesDown}; exit 255;;
  'systemctl --no-block poweroff') echo poweroff >>calls; echo 'shut off' >state; exit 0;;
esac
case "$*" in true) [ "$left" = 0 ] || { echo $((left - 1)) >refusals; exit 255; };; esac
[ "$(cat running)" != nothing ] || exit 255
case "$*" in *boot_id*) cat boots;; *) ${see}; exec bash -c "$*";; esac`,
      virsh: `cd '${root}'; case $4 in
  dumpxml) echo "<domain type='${type}' id='1'><os>$(cat own 2>/dev/null)</os></domain>"; exit;;
  domstate) cat state; exit;;
esac
echo "virsh $4 $6" >>calls
case $4 in
  reset) echo '6.1.0-10-amd64 f' >running; echo ${refuses} >refusals;;
  start) ${goesDown};;
esac`,
      "grub-set-default": `echo "default $1" >>'${root}/calls'`,
      "grub-reboot": `echo "once $1" >>'${root}/calls'`,
      sleep: ":",
      sync: ":",
      ...change,
    } satisfies Stubs;
  }

  const boot = (stubs: Stubs, change: Parameters<typeof bootScript>[0] = {}): Promise<Ran> =>
    runStep(bootScript(change), "create", {
      stubs,
      enter,
      before: `${emptied}
${sh`mkdir /boot/grub; printf '%s\n' ${grub} >/boot/grub/grub.cfg`.shell}
${seeKernel()}`,
    });
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

  it("is booted by another QEMU where one translates, which would be slow over what it has translated", async () => {
    const ran = await boot(guest({ before: old, after: wanted, type: "qemu" }));
    expect(ran).toMatchObject({ code: 0, stdout: `running: ${release}\n` });
    expect(read("calls")).toMatch(/^once .*\npoweroff\nvirsh destroy duetdev\nvirsh start duetdev\ndefault /m);
  });

  it("reboots nothing if it runs already", async () => {
    const ran = await boot(guest({ before: wanted }));
    expect(ran).toMatchObject({ code: 0, stdout: `running: ${release}\n` });
    expect(read("calls")).toBe("default gnulinux-6.1.0+duet-abc-advanced-1234\n");
  });

  it("starts over if it runs without a boot loader", async () => {
    write("own", "<kernel>/k</kernel>");
    const ran = await boot(guest({ before: wanted, after: wanted }));
    expect(ran).toMatchObject({ code: 0, stdout: `running: ${release}\n` });
    expect(read("calls")).toMatch(
      /^once .*\nvirsh define .*\npoweroff\nvirsh destroy duetdev\nvirsh start duetdev\ndefault /m,
    );
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
    expect(ran.stderr).toContain("\n---[ end Kernel panic - not syncing: VFS ]---\n");
    expect(lastLine(ran)).toMatch(/^cannot run kernel 6\.1\.0\+duet-abc in duetdev: .*panicked: BUG: x/);
    expect(read("calls").replaceAll("virsh domstate duetdev\n", "")).toMatch(/reboot\nvirsh reset duetdev\n$/);
    expect(read("running")).toContain("6.1.0-10-amd64");
  });

  it("that panics has its addresses decoded to file and line, if the sources know how", async () => {
    mkdirSync(join(bootValues().tree, "scripts"), { recursive: true });
    const decode = `#!/bin/bash\n[ "$1" = '${bootValues().build}/vmlinux' ] && sed 's,x+0x12/0x40,x (mm/slub.c:7),'`;
    writeFileSync(join(bootValues().tree, "scripts/decode_stacktrace.sh"), decode, { mode: 0o755 });
    const ran = await boot(guest({ before: old, console: panic }));
    expect(ran.stderr).toContain("BUG: x (mm/slub.c:7)\n");
  });

  it("that hangs falls back too, and says so if the old one does not come up either", async () => {
    const stubs = guest({ before: old });
    const ran = await boot({ ...stubs, virsh: `echo "virsh $4" >>'${root}/calls'` }, { timeout: 0 });
    expect(ran.code).toBe(1);
    expect(read("calls")).toContain("virsh reset\n");
    expect(lastLine(ran)).toMatch(/^cannot run kernel .*duetdev did not come up with its old kernel either$/);
  });

  it("is not taken for panicked by what the console said before", async () => {
    write("console", panic);
    expect((await boot(guest({ before: old, after: wanted }))).code).toBe(0);
  });

  it("that is another than was asked for is an error that names both, and is no default", async () => {
    const ran = await boot(guest({ before: old, after: `6.1.0+duet-old ${"e".repeat(40)}` }));
    expect(ran.code).toBe(1);
    for (const fact of [wanted, "duetdev", `6.1.0+duet-old ${"e".repeat(40)}`, bootValues().console]) {
      expect(lastLine(ran)).toContain(fact);
    }
    expect(read("calls")).not.toContain("default gnulinux-6.1.0+duet-abc");
  });

  it("that GRUB does not know is not booted", async () => {
    const ran = await boot(guest({ before: old, after: wanted }), { release: "6.9+duet-none" });
    expect(ran.code).not.toBe(0);
    expect(lastLine(ran)).toMatch(/^cannot boot kernel 6\.9\+duet-none: .*no entry/);
    expect(read("calls")).toBe("");
  });

  it("is known by what runs and what would at the next boot", async () => {
    const entries = "mkdir /boot/grub; printf '%s\\n' '# GRUB' a=b=c saved_entry=entry-1 '####' >/boot/grub/grubenv";
    const stubs = guest({ before: wanted });
    const ran = await runStep(bootScript(), "facts", {
      stubs,
      enter,
      before: `${emptied}\n${entries}\n${seeKernel()}`,
    });
    expect(ran.stdout).toBe(`running kernel: ${wanted}\ndefault entry: entry-1\n`);
  });
});

describe("KernelInstall", () => {
  const deployed = () =>
    deploy(
      () => {
        const kernel = localKernel(localHost());
        return new KernelInstall("vm-kernel", { guest: localGuest("vm"), kernel });
      },
      {
        ...printedOf("vm"),
        source: "commit: c\nhash: h1",
        config: "config: c1",
        kernel: `release: ${release}\nbuild-id: ${buildId}\npackage: /b/l.deb`,
        "vm-kernel-boot": `running: ${release}`,
      },
    );

  it("installs in the guest, and boots from the host, again with each build", async () => {
    const deployment = await deployed();
    const install = deployment.resource("command:remote:Command", "vm-kernel-package");
    expect(given(install, "packages")).toBe("(/b/l.deb)");
    const boot = localStep(deployment, "vm-kernel-boot");
    expect([given(boot, "release"), given(boot, "build_id")]).toEqual([release, buildId]);
    expect(boot.dependsOn).toContain("command:remote:Command vm-kernel-package");
  });

  it("hands on what runs", async () => {
    const { value, resource } = await deployed();
    expect(await settled(value.release)).toEqual({ value: release, secret: false });
    expect(resource("duet:kernel:KernelInstall", "vm-kernel").outputs).toEqual({ release });
  });
});
