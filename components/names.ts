import { createHash } from "node:crypto";

/** Names of what a stack has in libvirt and on its host: components give them, and repair looks for them. */

/** Name of the network and of the storage pool. */
export function libvirtName(stack: string): string {
  return `duet-${stack}`;
}

/** Name of the bridge, within the kernel's 15 characters. */
export function bridgeName(stack: string): string {
  return `duet-${createHash("sha256").update(stack).digest("hex").slice(0, 8)}`;
}

/** The description of a domain, which tells whose it is: that of the stack, for all who use its host. */
export function domainDescription(owner: string): string {
  return `Duet stack ${owner}`;
}

/**
 * Who a stack is on a host that others use: two of them may have one name.
 *
 * @param id made for the stack when it first came up
 */
export function ownerName(stack: string, person: string, id: string): string {
  return `${stack} of ${person} (${id})`;
}

/** The folder of root's on a host that others use: leases, which are the host's, and what root keeps of each stack. */
export const sharedFolder = "/var/lib/duet";

/** Words by which the stack calls a step, a volume, or what is in its folder of the state. */
const ownWords = new Set([
  "build",
  "crashes",
  "drgn",
  "gdb",
  "groups",
  "image",
  "nfs",
  "steps",
  "toolchain",
  "unfinished",
  "web",
  "web-console",
]);

/**
 * By what the resources, the steps and the files of a guest are called: by its name, unless the stack has something of
 * that name itself. No host name has a dot, so the other name is no other guest's.
 */
export function guestId(guest: string): string {
  return ownWords.has(guest) ? `${guest}.vm` : guest;
}

/**
 * By what a step, a file or a folder is called that each kernel of a stack has: no host name has a dot.
 *
 * @param what by what it is called for the only one
 * @param kernel name of the kernel; undefined if it is the only one
 */
export function ofKernel(what: string, kernel: string | undefined): string {
  return kernel === undefined ? what : `${what}.${kernel}`;
}

/** The step that builds the module for a kernel. */
export const moduleBuildStep = (kernel: string | undefined): string => `${ofKernel("module", kernel)}-build`;

/**
 * Absolute path of the build directory, below the sources directory.
 *
 * @param kernel name of the kernel, if the directory has several. Defaults to none.
 */
export function kernelBuildFolder(directory: string, kernel?: string): string {
  return `${directory}/build/${ofKernel("duet-kernel", kernel)}`;
}

/** The file in a stack's folder of the state that names the image of which its guests' disks are made. */
export const imageNote = "image";

/**
 * The file there that names the build root with whose compiler a kernel is built, and the step that makes that one.
 *
 * @param kernel name of the kernel; undefined if it is the only one
 */
export function toolchainNote(
  kernel: string | undefined,
  { suite, mirror = "" }: { suite: string; mirror?: string | undefined },
): string {
  const key = createHash("sha256").update(`${suite} ${mirror}`).digest("hex");
  return kernel === undefined ? "toolchain" : `toolchain.${key.slice(0, 8)}`;
}

/** Whether a file there is such a note. */
export const isToolchainNote = (file: string): boolean => /^toolchain(?:\.[0-9a-f]{8})?$/.test(file);

/** The file there that names the virtual environment by which its crashes are read. */
export const drgnNote = "drgn";

/** The volume of the image, and those of a guest: its disk is an overlay of the image. */
export const imageVolume = "image.qcow2";
export const diskVolume = (guest: string): string => `${guestId(guest)}.qcow2`;
export const seedVolume = (guest: string, key: string): string => `${guest}-${key}-seed.iso`;

/** The guest of whom a volume is the kernel, which libvirt boots directly: components/kernel/direct.sh. */
export function guestOfKernel(volume: string): string | undefined {
  return /^(.+)-[0-9a-f]{16}-kernel$/.exec(volume)?.[1];
}

/** Whether a volume of the stack's pool is the stack's own by its name; a disk is one by the image that it is of. */
export function isOwnVolume(name: string): boolean {
  return name === imageVolume || /-[0-9a-f]{16}-seed\.iso$/.test(name) || guestOfKernel(name) !== undefined;
}

/** Types of what libvirt has of a stack, as the stack's state names them. */
export const libvirtTypes = {
  domain: "libvirt:index/domain:Domain",
  network: "libvirt:index/network:Network",
  pool: "libvirt:index/pool:Pool",
  volume: "libvirt:index/volume:Volume",
} as const;

/** The folder of the leases of stacks' names, below that of all leases: a file a stack, which holds its owner. */
export const nameLeases = (leases: string): string => `${leases}/stacks`;
