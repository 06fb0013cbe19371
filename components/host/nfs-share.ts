import { isIP } from "node:net";

/** A directory, where it is served, and to whom. */
export interface NfsShare {
  /** Absolute path of the directory. */
  readonly directory: string;
  /** Address on which the server listens: the host's on the guests' bridge. */
  readonly address: string;
  /** Addresses that may mount it, each a single IPv4 or IPv6 address. */
  readonly clients: readonly string[];
}

/** @throws where it is not one single address: a name, a network or a wildcard would open the export to others. */
export function requireAddress(address: string): string {
  if (isIP(address) === 0) {
    throw new Error(`an NFS export takes single addresses, and was given ${JSON.stringify(address)}`);
  }
  return address;
}

/** @throws where the path is not absolute, or has what export files and /etc/fstab take for more than a path. */
export function requirePath(path: string): string {
  if (!/^(\/[\w@%+=:,.-]+)+$/.test(path)) {
    throw new Error(`an NFS export takes an absolute path of plain characters, and was given ${JSON.stringify(path)}`);
  }
  return path;
}
