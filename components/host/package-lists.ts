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
  return sources.flatMap((source) => ("package" in source ? [source.package] : []));
}

/** What opens libvirt to a person, and the folder of a gdb socket to its developer: access lists. */
export const aclPackages: readonly string[] = ["acl"];
