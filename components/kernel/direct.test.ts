import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { localKernel } from "../../test/support/kernel.ts";
import { deploy, given, localGuest, localHost, localStep, printedOf, settled } from "../../test/support/mocks.ts";
import { lastLine, type Ran, runLibrary, runStep, type Stubs } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { ownKernelStylesheet } from "../guest/definition.ts";
import { scriptText } from "../machine/script-text.ts";
import { DirectKernel } from "./direct.ts";
import { bootParameters } from "./grub.ts";

const isRoot = process.getuid?.() === 0;
const release = "6.1.0+duet-abc";
const buildId = "0123456789abcdef0123456789abcdef01234567";
const wanted = `${release} ${buildId}`;
const old = `6.1.0-10-amd64 ${"f".repeat(40)}`;
const volume = "duetdev-0123456789abcdef-kernel";
const image = "what a kernel begins with";

let root: string;
beforeEach(() => {
  root = temporaryFolder("direct-");
  for (const folder of ["pool", "build/arch/x86/boot"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  write("build/arch/x86/boot/bzImage", image);
  write("build/.config", "CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_BLK=y\nCONFIG_EXT4_FS=y\n");
  write("inactive.xml", domain());
  write("console", "login:\n");
});

const read = (name: string) => (existsSync(join(root, name)) ? readFileSync(join(root, name), "utf8") : "");
const write = (name: string, text: string) => writeFileSync(join(root, name), text);
const volumes = () => readdirSync(join(root, "pool")).sort();

/** A domain, with a kernel of its own or with that of its disk, and with what a person has added. */
function domain(kernel = "", line = ""): string {
  const own = kernel === "" ? "" : `<kernel>${kernel}</kernel><cmdline>${line}</cmdline>`;
  return `<domain type="kvm"><os><type>hvm</type>${own}</os><devices><disk/></devices></domain>`;
}

/** The kernel of a definition, and its command line. */
function ownKernel(xml: string): readonly string[] {
  return /<kernel>(.*)<\/kernel>\s*<cmdline>(.*)<\/cmdline>/s.exec(xml)?.slice(1) ?? [];
}

const values = () => ({
  uri: "qemu:///system",
  guest: "duetdev",
  ssh: ["ssh", "-F", "/state/cfg", "duetdev"],
  console: join(root, "console"),
  pool: "duet-dev",
  parameters: bootParameters,
  kernel_stylesheet: ownKernelStylesheet,
  release,
  build: join(root, "build"),
  build_id: buildId,
  tree: join(root, "source"),
  ...{ modules: join(root, "module"), uid: 1000, gid: 1000 },
});
const bootScript = () =>
  scriptText(import.meta.url, "direct-boot.sh", {
    ...values(),
    ...{ watch: join(root, "watch"), reports: join(root, "reports"), told: join(root, "told") },
    timeout: 60,
  });

interface Boots {
  readonly before: string;
  /** What comes up with the new kernel; "nothing" if nothing does. */
  readonly after?: string;
  readonly console?: string;
}

/** Bash that has this mount namespace see the kernel which runs in the file `running`: its release and build id. */
const see = `cut -d' ' -f1 running >osrelease
{ printf '\\4\\0\\0\\0\\24\\0\\0\\0\\3\\0\\0\\0GNU\\0'; printf "$(cut -d' ' -f2 running | sed 's/../\\\\x&/g')"; } >notes`;

/** A guest behind ssh, and a libvirt of one domain and one pool. What runs is in a file; ssh runs in this very shell. */
function guest({ before, after = "nothing", console = "" }: Boots): Stubs {
  write("running", before);
  write("boots", "1");
  write("state", "running");
  write("cmdline", "BOOT_IMAGE=/boot/vmlinuz-6.1 root=UUID=1-2 ro net.ifnames=0 console=ttyS0\n");
  return {
    ssh: `cd '${root}'; shift 3
case "$*" in
  duetdev) exit 0;;
  'systemctl --no-block poweroff') echo poweroff >>calls; echo 'shut off' >state; exit 0;;
esac
[ "$(cat running)" != nothing ] || exit 255
case "$*" in *boot_id*) cat boots;; *) ${see}; exec bash -c "$*";; esac`,
    virsh: `cd '${root}'; command=$4; shift 4; [ "$1" != -- ] || shift
case $command in
  dumpxml) case $1 in --inactive) cat inactive.xml;; *) cat live.xml 2>/dev/null || cat inactive.xml;; esac; exit;;
  domstate) cat state; exit;;
  vol-path) [ -e "pool/$4" ] && echo '${root}'/pool/"$4"; exit;;
  vol-info) [ -e "$1" ]; exit;;
  vol-list) for file in pool/*; do echo " $(basename "$file")   '${root}'/$file"; done; exit;;
  vol-create-as) : >"pool/$2"; exit;;
  vol-upload) cp "$6" "pool/$4"; exit;;
  vol-delete) rm "pool/$4"; exit;;
  define) cat "$1" >given.xml; mv given.xml inactive.xml; exit;;
esac
echo "virsh $command" >>calls
case $command in
  create) cat "$1" >live.xml; printf '%s' '${console}' >>console; echo '${after}' >running; echo 2 >boots; echo running >state;;
  destroy) rm -f live.xml; echo 'shut off' >state;;
  start) echo '${before}' >running; echo 3 >boots; echo running >state;;
esac`,
    findmnt: 'case "$*" in *FSTYPE*) echo ext4;; *) echo /dev/vda1;; esac',
    blkid: "echo 12ab-01",
    sleep: ":",
  };
}

const enter = ["unshare", "--mount"];
const seeKernel = () => `cd '${root}'
${see}
mount --bind osrelease /proc/sys/kernel/osrelease; mount --bind notes /sys/kernel/notes
mount --bind cmdline /proc/cmdline`;
const run = (script: string, verb: "create" | "facts" | "delete", stubs: Stubs): Promise<Ran> =>
  runStep(script, verb, { stubs, enter, before: seeKernel() });
const boot = (stubs: Stubs) => run(bootScript(), "create", stubs);

const line = "root=PARTUUID=12ab-01 ro net.ifnames=0 console=ttyS0 nokaslr loglevel=7";

describe("what a kernel's command line has besides", () => {
  it("is what GRUB is told", () => {
    expect(bootParameters).toEqual(["nokaslr", "console=ttyS0", "loglevel=7"]);
  });
});

describe.runIf(isRoot)("booting a kernel directly", () => {
  it("is done once, by a definition that is not kept, with the command line of the guest", async () => {
    const ran = await boot(guest({ before: old, after: wanted }));
    expect(ran).toMatchObject({ code: 0, stdout: `running: ${release}\n` });
    expect(read("calls")).toBe("poweroff\nvirsh destroy\nvirsh create\n");
    expect(ownKernel(read("live.xml"))).toEqual([join(root, "pool", volume), line]);
    expect(read("live.xml")).toContain("<disk/>");
    expect(read("inactive.xml")).toBe(domain());
    expect(read(`pool/${volume}`)).toBe(image);
  });

  it("is not done if it runs already, unless a boot loader has brought it", async () => {
    write("live.xml", domain("/somewhere", line));
    expect(await boot(guest({ before: wanted }))).toMatchObject({ code: 0, stdout: `running: ${release}\n` });
    expect([read("calls"), volumes()]).toEqual(["", []]);
    write("live.xml", domain());
    expect(await boot(guest({ before: wanted, after: wanted }))).toMatchObject({ code: 0 });
    expect(read("calls")).toBe("poweroff\nvirsh destroy\nvirsh create\n");
  });

  it("that panics is given up for what the guest had booted before, and says so", async () => {
    const kernel = join(root, "pool/duetdev-ffffffffffffffff-kernel");
    write("pool/duetdev-ffffffffffffffff-kernel", "old");
    write("inactive.xml", domain(kernel, "root=/dev/vda1"));
    const console = "BUG: x+0x12/0x40\n---[ end Kernel panic - not syncing: VFS ]---\n";
    const ran = await boot(guest({ before: old, after: "nothing", console }));
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(
      /^cannot run kernel 6\.1\.0\+duet-abc in duetdev: .*panicked: BUG: x.*in its old kernel$/,
    );
    expect(read("calls")).toMatch(/virsh create\nvirsh destroy\nvirsh start\n$/);
    expect(ownKernel(read("inactive.xml"))[0]).toBe(kernel);
    expect(read("running")).toBe(`${old}\n`);
  });

  it("that another build has taken the place of is an error that names both", async () => {
    const ran = await boot(guest({ before: old, after: `6.1.0+duet-old ${"e".repeat(40)}` }));
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(
      new RegExp(`^cannot run kernel ${wanted.replace("+", "\\+")} in duetdev: .*duet-old e`),
    );
  });

  it("is refused if what it needs for its root is a module", async () => {
    write("build/.config", "CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_BLK=y\nCONFIG_EXT4_FS=m\n");
    const ran = await boot(guest({ before: old, after: wanted }));
    expect(lastLine(ran)).toMatch(/^cannot boot kernel \S+ directly: CONFIG_EXT4_FS is not built into it; /);
    expect(read("calls")).toBe("");
  });

  it("is known by what runs", async () => {
    expect((await run(bootScript(), "facts", guest({ before: wanted }))).stdout).toBe(`running kernel: ${wanted}\n`);
  });
});

describe.runIf(isRoot)("the kernel that a guest boots from now on", () => {
  const script = () => scriptText(import.meta.url, "direct-default.sh", { ...values(), uuid: "u" });
  const path = () => join(root, "pool", volume);

  it("is the one that came up; that before it goes", async () => {
    write("pool/duetdev-ffffffffffffffff-kernel", "old");
    write("pool/duetdev.qcow2", "disk");
    const ran = await run(script(), "create", guest({ before: wanted }));
    expect(ran.code).toBe(0);
    expect(ownKernel(read("inactive.xml"))).toEqual([path(), line]);
    expect(volumes()).toEqual([volume, "duetdev.qcow2"]);
    expect(read("calls")).toBe("");
  });

  it("is not brought again if the domain has it", async () => {
    write(`pool/${volume}`, "as it came up");
    write("inactive.xml", domain(path(), line));
    await run(script(), "create", guest({ before: wanted }));
    expect(read(`pool/${volume}`)).toBe("as it came up");
  });

  it("drifts if the domain has another one, another command line, or its file is gone", async () => {
    write(`pool/${volume}`, image);
    write("inactive.xml", domain(path(), line));
    const stubs = guest({ before: wanted });
    const facts = async () => (await run(script(), "facts", stubs)).stdout;
    expect(await facts()).toBe(`kernel: ${path()}, there\ncommand line: ${line}\n`);
    write("inactive.xml", domain(path(), "root=/dev/sda &amp; more"));
    expect(await facts()).toBe(`kernel: ${path()}, there\ncommand line: root=/dev/sda & more\n`);
    write("inactive.xml", domain("/gone", line));
    expect(await facts()).toBe(`kernel: /gone, gone\ncommand line: ${line}\n`);
    write("inactive.xml", domain());
    expect(await facts()).not.toContain("there");
  });

  it("is taken back: the domain boots from its disk, and nothing is left in the pool", async () => {
    write(`pool/${volume}`, image);
    write("inactive.xml", domain(path(), line));
    expect((await run(script(), "delete", guest({ before: wanted }))).code).toBe(0);
    expect(read("inactive.xml")).not.toContain("kernel");
    expect(volumes()).toEqual([]);
  });

  it("is taken back without a domain, too", async () => {
    const stubs = { ...guest({ before: wanted }), virsh: "exit 1" };
    expect((await run(script(), "delete", stubs)).code).toBe(0);
  });

  it("is dropped before a start if its file is gone, which is said", async () => {
    const library = () => scriptText(import.meta.url, "direct-default.sh", { ...values(), uuid: "u" });
    write("inactive.xml", domain("/gone", line));
    const stubs = guest({ before: wanted });
    const ran = await runLibrary(library(), "drop_lost_kernel", { stubs, enter, before: seeKernel() });
    expect(lastLine(ran)).toMatch(/^the kernel of duetdev, \/gone, is gone: it starts with the one on its disk$/);
    expect(read("inactive.xml")).not.toContain("/gone");
    write(`pool/${volume}`, image);
    write("inactive.xml", domain(path(), line));
    await runLibrary(library(), "drop_lost_kernel", { stubs, enter, before: seeKernel() });
    expect(ownKernel(read("inactive.xml"))).toEqual([path(), line]);
  });
});

describe("the modules of a kernel that has no package", () => {
  const modules = () => join(root, "modules");
  const folder = (name: string) => join(modules(), name);
  const there = () => readdirSync(modules()).sort();
  // The machine that tests may have no /lib/modules.
  const script = () =>
    scriptText(import.meta.url, "direct-modules.sh", {
      ...{ packed: join(root, "modules.tar"), release, build: join(root, "build"), build_id: buildId },
      ...{ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    }).replace(/^all=.*$/m, `all=${modules()}`);
  const stubs = (): Stubs => ({
    depmod: `touch '${modules()}/'"$1/modules.dep"`,
    dpkg: `[ "$2" = '${folder("6.0+duet-packed")}' ]`,
    uname: "echo 6.0+duet-runs",
  });
  const runIn = (verb: "create" | "delete" | "facts") => runStep(script(), verb, { stubs: stubs() });

  beforeEach(() => {
    for (const name of ["6.0+duet-runs", "6.0+duet-old", "6.0+duet-packed"]) {
      mkdirSync(folder(name), { recursive: true });
      writeFileSync(join(folder(name), ".duet-build"), "1\n");
    }
    mkdirSync(folder("6.0-of-others"));
    mkdirSync(join(root, "packed/kernel"), { recursive: true });
    write("packed/kernel/dummy.ko", "module");
    execFileSync("tar", ["-C", join(root, "packed"), "-cf", join(root, "modules.tar"), "."]);
  });

  it("are copied from the build, and those of the kernels before it go, but for what runs or has a package", async () => {
    expect((await runIn("create")).code).toBe(0);
    expect(there()).toEqual(["6.0+duet-packed", "6.0+duet-runs", "6.0-of-others", release]);
    expect(readdirSync(folder(release)).sort()).toEqual([".duet-build", "build", "kernel", "modules.dep"]);
    expect(readFileSync(join(folder(release), "kernel/dummy.ko"), "utf8")).toBe("module");
    expect(readlinkSync(join(folder(release), "build"))).toBe(join(root, "build"));
    expect(readdirSync(folder("6.0+duet-packed"))).toEqual([]);
  });

  it("leave what others have installed for the same release", async () => {
    mkdirSync(join(folder(release), "updates"), { recursive: true });
    writeFileSync(join(folder(release), "updates/duet.ko"), "mine");
    writeFileSync(join(folder(release), "gone.ko"), "of the build before");
    await runIn("create");
    expect(readFileSync(join(folder(release), "updates/duet.ko"), "utf8")).toBe("mine");
    expect(existsSync(join(folder(release), "gone.ko"))).toBe(false);
  });

  it("are known by their build", async () => {
    expect((await runIn("facts")).stdout).toBe("modules of build: none\n");
    await runIn("create");
    expect((await runIn("facts")).stdout).toBe(`modules of build: ${buildId}\n`);
  });

  it("are taken back, but those of the kernel that runs", async () => {
    await runIn("create");
    await runIn("delete");
    expect(there()).toEqual(["6.0+duet-packed", "6.0+duet-runs", "6.0-of-others"]);
  });
});

describe("DirectKernel", () => {
  const deployed = (boots: readonly ("direct" | "installed")[]) =>
    deploy(
      () => {
        const kernel = localKernel(localHost(), { boots });
        return new DirectKernel("vm-kernel", { guest: localGuest("vm"), kernel });
      },
      {
        ...printedOf("vm"),
        source: "commit: c\nhash: h1",
        config: "config: c1",
        kernel: `release: ${release}\nbuild-id: ${buildId}${boots.includes("installed") ? "\npackage: /b/l.deb" : ""}`,
        "vm-kernel-direct": `running: ${release}`,
      },
    );

  it("brings the modules, boots once, and keeps what came up, one after the other", async () => {
    const deployment = await deployed(["direct"]);
    const modules = deployment.resource("command:remote:Command", "vm-kernel-modules");
    expect(given(modules, "packed")).toBe("/d/build/duet-kernel/modules.tar");
    expect(given(localStep(deployment, "kernel"), "packages")).toBe("(modules)");
    const [boot, lasting] = ["vm-kernel-direct", "vm-kernel-default"].map((name) => localStep(deployment, name));
    expect(boot?.dependsOn).toContain("command:remote:Command vm-kernel-modules");
    expect(lasting?.dependsOn).toContain("command:local:Command vm-kernel-direct");
    expect(await settled(deployment.value.release)).toEqual({ value: release, secret: false });
  });

  it("wants a kernel that was built for it", async () => {
    await expect(deployed(["installed"])).rejects.toThrow(/cannot boot vm-kernel directly/);
  });
});
