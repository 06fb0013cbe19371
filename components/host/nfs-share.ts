import { createHash } from "node:crypto";
import { isIP } from "node:net";
import type { Values } from "../machine/script-text.ts";
import { template } from "../machine/template.ts";

/** A directory, where it is served, and to whom. */
export interface NfsShare {
  /** Absolute path of the directory. */
  readonly directory: string;
  /** Address of the host on the guests' bridge. */
  readonly address: string;
  /** Addresses that may mount it, each a single IPv4 or IPv6 address. */
  readonly clients: readonly string[];
}

/** @throws if it is not one single address: a name, a network or a wildcard would open the export to others. */
function requireAddress(address: string): string {
  if (isIP(address) === 0) {
    throw new Error(`cannot export to ${JSON.stringify(address)}: an NFS export takes single addresses; give one`);
  }
  return address;
}

/** @throws if the path is not absolute, or has what export files and /etc/fstab take for more than a path. */
export function requirePath(path: string): string {
  if (!/^(\/[\w@%+=:,.-]+)+$/.test(path)) {
    throw new Error(`cannot share ${JSON.stringify(path)}: NFS takes an absolute path of plain characters; choose one`);
  }
  return path;
}

/** @throws if it is not `address:/path`, or has what /etc/fstab takes for more than that. */
export function requireSource(source: string): string {
  const colon = source.lastIndexOf(":/");
  if (colon < 1 || !/^[\w.:[\]-]+$/.test(source.slice(0, colon))) {
    throw new Error(`cannot mount ${JSON.stringify(source)}: an NFS mount takes address:/path; give one`);
  }
  requirePath(source.slice(colon + 1));
  return source;
}

/**
 * What nfs-ganesha is given. Source: ganesha-core-config(8), ganesha-export-config(8).
 *
 * @throws if an address or a path would say more to it than what it is
 */
export function ganeshaValues(share: NfsShare, stateFolder: string): Values {
  const folder = requirePath(`${stateFolder}/nfs`);
  const directory = requirePath(share.directory);
  const address = requireAddress(share.address);
  const clients = share.clients.map(
    (client) =>
      `  CLIENT { Clients = ${requireAddress(client)}; Access_Type = RW; Squash = Root_Squash; SecType = sys; }`,
  );
  // What is edited on the host goes past the server: it keeps no attributes, or the guest's make would see them late.
  const values = { address, folder, directory, clients: clients.join("\n") };
  return { directory, address, folder, configuration: template(import.meta.url, "ganesha.conf", values) };
}

/**
 * What the kernel's server is given: single addresses, with root squashed. The file system id is the stack's own, so
 * that a directory of any file system can be exported.
 *
 * @throws if an address or a path would say more to it than what it is
 */
export function kernelValues(share: NfsShare, stack: string): Values {
  const directory = requirePath(share.directory);
  const mountPoint = requirePath(`/export/duet-${stack}`);
  const id = createHash("sha256").update(mountPoint).digest("hex").slice(0, 32);
  const uuid = id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return {
    stack,
    directory,
    address: requireAddress(share.address),
    mount_point: mountPoint,
    // Without that disk the host still boots; the mount waits for it.
    mount_line: `${directory} ${mountPoint} none bind,nofail 0 0`,
    clients: share.clients.map(requireAddress),
    options: `rw,async,no_subtree_check,root_squash,sec=sys,fsid=${uuid}`,
    exports_file: `/etc/exports.d/duet-${stack}.exports`,
    fstab: "/etc/fstab",
  };
}
