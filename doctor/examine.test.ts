import { describe, expect, it } from "vitest";
import { parseSpec } from "../components/spec.ts";
import { examine } from "./examine.ts";
import { lineOf } from "./finding.ts";
import type { Probe } from "./probe.ts";

const spec = (more: object = {}) =>
  parseSpec({
    sources: { kernel: { package: "linux-source-6.1" }, module: { copy: "a" }, tools: { copy: "b" } },
    vms: [{ name: "one", gdbPort: 1240 }],
    ...more,
  });

/** What a healthy workstation says, by the beginning of what it is asked. */
const healthy: Readonly<Record<string, string>> = {
  "/proc/cpuinfo": "flags\t\t: fpu vmx sse\n",
  "/proc/meminfo": "MemAvailable:   8000000 kB\n",
  "/proc/filesystems": "nodev\tnfsd\n",
  "/etc/passwd": "root:x:0:0::/root:/bin/bash\neve:x:1000:1000::/home/eve:/bin/bash\n",
  "/sys/module/apparmor/parameters/enabled": "Y\n",
  "stat -c %a %G /dev/kvm": "660 kvm\n",
  "stat -c %F /run/libvirt/libvirt-sock": "socket\n",
  "stat -c %F /run/systemd/system": "directory\n",
  "virsh --version": "9.0.0\n",
  "virsh -q -c qemu:///system uri": "qemu:///system\n",
  "id -nG": "eve kvm libvirt\n",
  "sudo -n true": "",
  "gcc -dumpversion": "12\n",
  "exportfs -s": "",
};

/** A workstation that says otherwise where it is told to; "" is nothing, and undefined that it cannot be had. */
function probe(
  more: Readonly<Record<string, string | undefined>> = {},
  disk: ReturnType<Probe["disk"]> | Probe["disk"] = { free: 1e12, type: 0xef53, device: 1 },
): Probe {
  const says: Readonly<Record<string, string | undefined>> = { ...healthy, ...more };
  // The longest that fits is meant.
  const keys = Object.keys(says).sort((one, other) => other.length - one.length);
  const answer = (asked: string) => says[keys.find((key) => asked.startsWith(key)) ?? ""];
  return {
    read: (file) => says[file],
    run: (...words) => answer(words.join(" ")),
    disk: typeof disk === "function" ? disk : () => disk,
    user: { name: "eve", uid: 1000 },
    environment: { https_proxy: says.https_proxy },
  };
}

const lines = (more?: Parameters<typeof probe>[0], asked: object = {}, disk?: Parameters<typeof probe>[1]) =>
  examine(spec(asked), "/cache", probe(more, disk)).map(lineOf);
const said = (what: string, ...of: Parameters<typeof lines>) =>
  lines(...of).filter((line) => line.slice(6).startsWith(`${what}: `));

describe("the doctor", () => {
  it("finds nothing in the way of a healthy workstation", () => {
    const notes = lines().filter((line) => !line.startsWith("ok "));
    expect(notes).toEqual([expect.stringMatching(/^note {2}NFS: nfsd listens on every address/)]);
  });

  it.each([
    ["processor", { "/proc/cpuinfo": "flags : fpu" }, /^note .*no KVM.*firmware$/],
    [
      "processor",
      { "/proc/cpuinfo": "flags : fpu hypervisor" },
      /^note .*no KVM.*nested virtualization.*its own host$/,
    ],
    ["processor", { "stat -c %a %G /dev/kvm": undefined }, /^note .*no \/dev\/kvm.*modprobe kvm_intel$/],
    ["processor", { "stat -c %a %G /dev/kvm": "600 root" }, /^note .*mode 600.*chmod 660/],
    ["memory", { "/proc/meminfo": "MemAvailable: 500000 kB" }, /^note .*ask for 1024 MiB, and 488 are free/],
    ["rights", { "sudo -n true": undefined }, /^stop .*sudo is not installed/],
    ["groups", { "id -nG eve": "eve kvm libvirt", "id -nG": "eve kvm" }, /^note .*libvirt from the next login/],
    ["groups", { "id -nG": "eve kvm" }, /^note .*not in libvirt; `up` has you join it$/],
    ["libvirt", { "virsh --version": undefined }, /^note .*`up` installs it$/],
    ["libvirt", { "virsh -q -c qemu:///system uri": "" }, /^note .*does not answer you/],
    ["libvirt", { "stat -c %F /run/libvirt/libvirt-sock": "" }, /^stop .*enable --now libvirtd\.socket$/],
    [
      "libvirt",
      { "stat -c %F /run/libvirt/libvirt-sock": "", "stat -c %F /run/libvirt/virtqemud-sock": "socket" },
      /^stop .*in parts only.*virtproxyd\.socket$/,
    ],
    [
      "libvirt",
      { "stat -c %F /run/libvirt/libvirt-sock": "", "stat -c %F /run/systemd/system": "" },
      /^stop .*does not listen; do as root: virtlogd -d; libvirtd -d$/,
    ],
    ["SELinux", { "/sys/fs/selinux/enforce": "1" }, /^note .*never run with that/],
    ["firewall", { "/etc/ufw/ufw.conf": "ENABLED=yes\n" }, /^note .*ufw allow in on duet-\+ .*2049/],
    ["firewall", { "firewall-cmd --state": "running\n" }, /^note .*firewalld is on.*add-service=nfs/],
    [
      "firewall",
      { "nft list chains": "table inet f {\n chain input {\n type filter hook input priority 0; policy drop;\n }\n}" },
      /^note .*drops what comes in by default.*2049/,
    ],
    ["docker", { "ip -o link show docker0": "4: docker0" }, /^note .*DOCKER-USER/],
    [
      "names",
      { "ss -Hlnu sport = :53": "UNCONN 0 0 0.0.0.0:53 0.0.0.0:*" },
      /^note .*port 53 of all addresses.*bind-dynamic/,
    ],
    ["ports", { "ss -Hlnt sport = :1240": "LISTEN 0 1 127.0.0.1:1240 0.0.0.0:*" }, /^note .*gdb port 1240/],
    ["NFS", { "/proc/filesystems": "nodev proc" }, /^stop .*no nfsd; ask for nfsServer: ganesha/],
    [
      "stub",
      { "/etc/passwd": "a:x:1000:1::/:/bin/sh\nb:x:1001:1::/:/bin/zsh\nc:x:1002:1::/:/usr/sbin/nologin" },
      /^note .*1 besides you/,
    ],
    [
      "compiler",
      { "/media/data/duet/duet-kernel/Makefile": "VERSION = 4\nPATCHLEVEL = 12\n" },
      /^note .*Linux 4\.12 .*gcc 7.*gcc 12/,
    ],
    ["proxy", { https_proxy: "http://eve:secret@proxy:3128" }, /^ok .*through http:\/\/proxy:3128$/],
  ])("says of the %s, if %j, what was found and what to do", (what, more, line) => {
    expect(said(what, more).some((it) => line.test(it))).toBe(true);
    expect(said(what).some((it) => line.test(it))).toBe(false);
  });

  it("says where the root of NFSv4 is, and refuses one that does not lead to the export", () => {
    const root = (path: string) =>
      said("NFS", { "exportfs -s": `${path}  192.168.0.0/16(rw,fsid=0,insecure)\n` }).at(-1);
    expect(root("/export")).toMatch(/^ok .*begin at \/export/);
    expect(root("/srv/nfs4")).toMatch(/^stop .*begin at \/srv\/nfs4.*nfsServer: ganesha/);
  });

  it("says what AppArmor has to let QEMU make, if a stub is to be a socket", () => {
    const host = { host: { stub: "socket" }, vms: [{ name: "one" }] };
    const rules = "/etc/apparmor.d/local/abstractions/libvirt-qemu";
    const [, rule = ""] = /put the line (.*) into \S+$/.exec(said("stub", {}, host)[0] ?? "") ?? [];
    expect(rule).toMatch(/^\/var\/lib\/duet\/stubs\/\*\* rw,$/);
    expect(said("stub", {}, host)[0]).toMatch(/^stop /);
    expect(said("stub", { [rules]: `  ${rule}\n` }, host)[0]).toMatch(/^ok .*only you and QEMU/);
    expect(said("stub", { "/sys/module/apparmor/parameters/enabled": "N\n" }, host)[0]).toMatch(/^ok /);
  });

  it("says of each disk once what is left of it, for all that is on it", () => {
    const on = (images: number) => (folder: string) =>
      ({ free: 9e9, type: 0xef53, device: folder.startsWith("/var") ? images : 1 }) as const;
    expect(said("disk", {}, {}, on(1))).toEqual([
      "note  disk: 9.0 GB left for /cache, /media/data/duet, /var/lib/libvirt/images, which may come to 11.0; free some",
    ]);
    expect(said("disk", {}, {}, on(2))).toEqual([
      "ok    disk: 9.0 GB left for /cache, /media/data/duet",
      "ok    disk: 9.0 GB left for /var/lib/libvirt/images",
    ]);
  });

  it("refuses sources of which a part is on another file system, and names a disk of theirs that is not mounted", () => {
    const at = (mount: string) =>
      said("sources", { "/proc/self/mountinfo": `36 35 98:0 / ${mount} rw - ext4 /dev/sdb1 rw\n` });
    for (const mount of [
      "/media/data/duet/duet-kernel",
      "/media/data/duet/duet-tools/a\\040b",
      "/media/data/duet/build",
    ]) {
      expect(at(mount)).toEqual([expect.stringMatching(/^stop .* is another file system than .*; unmount it/)]);
    }
    expect(at("/media/data/duet/duet-tools/a\\040b")[0]).toContain("duet-tools/a b is another");
    for (const mount of ["/media/data/duet", "/media", "/media/data/duet/scratch", "/media/data/duet-kernel"]) {
      expect(at(mount)).toEqual([expect.stringMatching(/^ok /)]);
    }
    const fstab = {
      "/etc/fstab": "#UUID=0 /media ext4\nUUID=1 / ext4 defaults 0 1\nUUID=2 /media/data ext4 nofail 0 2\n",
    };
    expect(said("sources", fstab)).toEqual([
      expect.stringMatching(/^note .*disk for \/media\/data, .*not mounted; mount it/),
    ]);
    const mounted = { "/proc/self/mountinfo": "36 35 98:0 / /media/data rw - ext4 /dev/sdb1 rw\n" };
    expect(said("sources", { ...fstab, ...mounted })).toEqual([expect.stringMatching(/^ok /)]);
  });

  it("looks at the port of a web console, if one is asked for", () => {
    const asked = { host: { console: true } };
    const taken = { "ss -Hlnt sport = :9090": "LISTEN 0 1 127.0.0.1:9090 0.0.0.0:*" };
    const of = (more: Parameters<typeof lines>[0], wish: object = asked) => said("web console", more, wish);
    expect(of(taken, {})).toEqual([]);
    expect(of({})).toEqual([expect.stringMatching(/^ok .*9090 is free$/)]);
    expect(of(taken)).toEqual([expect.stringMatching(/^stop .*port 9090; end that/)]);
    expect(of({ ...taken, "systemctl is-active cockpit.socket": "active\n" })).toEqual([
      expect.stringMatching(/^note .*listens already/),
    ]);
  });

  it("refuses sources that cannot be served", () => {
    expect(said("sources", {}, {}, { free: 1e12, type: 0x794c7630, device: 1 })).toEqual([
      expect.stringMatching(/^stop .*overlayfs/),
    ]);
  });

  it("refuses more memory than there is, and a libvirt elsewhere", () => {
    expect(said("memory", {}, { vms: [{ name: "one", memory: 1024 * 1024 }] })).toEqual([
      expect.stringMatching(/^stop /),
    ]);
    expect(said("libvirt", {}, { host: { uri: "qemu+ssh://elsewhere/system" } })).toEqual([
      expect.stringMatching(/^stop /),
    ]);
  });

  it("compares the compiler with the kernel's time", () => {
    const of = (version: string) => {
      const [major, minor] = version.split(".");
      const makefile = `VERSION = ${major}\nPATCHLEVEL = ${minor}\nSUBLEVEL = 0\n`;
      return said("compiler", { "/media/data/duet/duet-kernel/Makefile": makefile })[0];
    };
    const newest = (version: string) => /of the time of gcc (\d+)/.exec(of(version) ?? "")?.[1];
    expect(["4.6", "4.12", "4.19", "5.6", "5.7", "6.1"].map(newest)).toEqual([
      "5",
      "7",
      "9",
      "9",
      undefined,
      undefined,
    ]);
  });

  it("looks for the compiler that the spec names, and leaves that of a build root to up", () => {
    const of = (toolchain: unknown) => said("compiler", {}, { kernel: { toolchain } })[0];
    expect(of({ cc: "gcc-9" })).toMatch(/^note .*gcc-9 is not installed; `up` installs it$/);
    expect(of({ cc: "/opt/bin/gcc" })).toMatch(/^stop .*\/opt\/bin\/gcc does not run; /);
    expect(of({ suite: "bullseye" })).toMatch(/^ok .*bullseye$/);
  });

  it("looks at the embedded host for what that needs, root first", () => {
    const found = lines({}, { host: { sandbox: true } });
    expect(found[0]).toMatch(/^stop {2}rights: the embedded host needs root/);
    expect(found.filter((line) => /libvirt|NFS|firewall/.test(line))).toEqual([]);
  });
});
