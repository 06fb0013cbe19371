import type { Source } from "../sources/source-tree.ts";
import type { NfsServer } from "./nfs-export.ts";

/** libvirt, QEMU, and what libvirt's provider runs. Source: guide, step 1. */
export const hypervisorPackages: readonly string[] = [
  "dnsmasq-base",
  "genisoimage",
  "iptables",
  "libvirt-clients",
  "libvirt-daemon",
  "libvirt-daemon-driver-qemu",
  "libvirt-daemon-system",
  "openssh-client",
  "qemu-system-x86",
  "qemu-utils",
  "xsltproc",
];

/** What building the guest image takes. */
export const imagePackages: readonly string[] = [
  "debian-archive-keyring",
  "e2fsprogs",
  "fdisk",
  "grub-common",
  "grub-pc-bin",
  "mmdebstrap",
  "qemu-utils",
];

/** What building a kernel and debugging it takes. Source: guide, step 7. */
export const buildPackages: readonly string[] = [
  "bc",
  "bison",
  "build-essential",
  "ccache",
  "cpio",
  "dpkg-dev",
  "flex",
  "gdb",
  "git",
  "kmod",
  "libelf-dev",
  // For the menus of its configuration.
  "libncurses-dev",
  "libssl-dev",
  // Distributions configure their kernels to be compressed by one of these.
  "lz4",
  // drgn, by which a crash is read, has an environment of its own.
  "python3-venv",
  "rsync",
  "xz-utils",
  "zstd",
];

/** Those of a server of sources. Source: guide, step 5. */
export function nfsPackages(server: NfsServer): readonly string[] {
  return server === "kernel" ? ["nfs-kernel-server"] : ["nfs-ganesha", "nfs-ganesha-vfs"];
}

/** All packages that a host needs, each once. */
export function hostPackages(server: NfsServer): readonly string[] {
  return [...new Set([...hypervisorPackages, ...imagePackages, ...buildPackages, ...nfsPackages(server)])].sort();
}

/** Those of the sources that are a package. Source: guide, step 3. */
export function sourcePackages(sources: readonly Source[]): readonly string[] {
  return [...new Set(sources.flatMap((source) => ("package" in source ? [source.package] : [])))];
}

/** The web console of the embedded host, with what its page of virtual machines asks. Source: guide, step 2. */
export const consolePackages: readonly string[] = [
  "cockpit-bridge",
  "cockpit-machines",
  "cockpit-ws",
  "dbus",
  "libvirt-dbus",
  "systemd",
];

/** What opens libvirt to a person, and the folder of a gdb socket to its developer: access lists. */
export const aclPackages: readonly string[] = ["acl"];

/** What makes the kernel's BTF: pahole. */
export const btfPackages: readonly string[] = ["dwarves"];

/** What draws a flame graph of the call paths that perf has recorded: flamegraph.pl. */
export const flameGraphPackages: readonly string[] = ["libdevel-nytprof-perl"];

/** What building perf takes on the host beside a kernel's packages: static libraries, which Debian has in these. */
export const perfPackages: readonly string[] = [
  "libbz2-dev",
  "libdw-dev",
  "liblzma-dev",
  "libslang2-dev",
  // perf's own until Linux 6.1.
  "libtraceevent-dev",
  "pkg-config",
  "zlib1g-dev",
];
