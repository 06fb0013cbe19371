import * as pulumi from "@pulumi/pulumi";
import type { Machine } from "../machine/machine.ts";
import { ganeshaFacts, startGanesha, stopGanesha } from "./nfs-ganesha.ts";
import { exportByKernel, kernelExportFacts, unexportByKernel } from "./nfs-kernel.ts";

/** "kernel" is nfsd, for hosts that have it; "ganesha" is nfs-ganesha, one process for each stack. */
export type NfsServer = "kernel" | "ganesha";

/** Where and to whom a directory of the host is served. */
export interface NfsExportArgs {
  /** The host that serves. */
  readonly host: Machine;
  /** The stack whose guests are served. */
  readonly stack: string;
  /** Absolute path of the directory to serve. */
  readonly directory: string;
  /** Address of the host on the guests' bridge: the one on which nfs-ganesha listens. */
  readonly address: pulumi.Input<string>;
  /** Addresses that may mount it, each a single IPv4 or IPv6 address. */
  readonly clients: pulumi.Input<readonly pulumi.Input<string>[]>;
  /** What serves. Defaults to "kernel". */
  readonly server?: NfsServer;
  /** Absolute path of the stack's folder in the state, where nfs-ganesha has a folder of its own. */
  readonly stateFolder: string;
  /** What must be there first: the directory, the packages, the network. */
  readonly dependsOn?: readonly pulumi.Resource[];
}

/** The server for what a spec asks: "auto" is nfs-ganesha in the embedded host, and nfsd elsewhere. */
export function nfsServer(asked: NfsServer | "auto", sandbox: boolean): NfsServer {
  return asked === "auto" ? (sandbox ? "ganesha" : "kernel") : asked;
}

/** Debian packages of a server. */
export function nfsPackages(server: NfsServer): readonly string[] {
  return server === "kernel" ? ["nfs-kernel-server"] : ["nfs-ganesha", "nfs-ganesha-vfs"];
}

/**
 * Serves a directory over NFSv4 to the guests of one stack, and to nobody else.
 *
 * Source: guide, step 5. Owns what is named for its stack: an export file, a line between its marks in /etc/fstab and a
 * mount for nfsd, or a process and a folder for nfs-ganesha. Other exports are never read or changed.
 */
export class NfsExport extends pulumi.ComponentResource {
  /** What a client mounts, as `address:/path`. */
  readonly mountSource: pulumi.Output<string>;
  /** The resource after which clients can mount. */
  readonly served: pulumi.Resource;

  constructor(name: string, args: NfsExportArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:host:NfsExport", name, {}, opts);
    const { directory, stack } = args;
    const folder = `${args.stateFolder}/nfs`;
    const share = pulumi
      .all([args.address, args.clients])
      .apply(([address, clients]) => ({ directory, address, clients }));
    const isKernel = (args.server ?? "kernel") === "kernel";
    const step = args.host.step(
      name,
      {
        title: `serve ${directory} to the guests`,
        create: share.apply((known) => (isKernel ? exportByKernel(known, { stack }) : startGanesha(known, folder))),
        facts: isKernel ? kernelExportFacts({ stack }) : ganeshaFacts(folder),
        delete: isKernel ? unexportByKernel({ stack }) : stopGanesha(folder),
      },
      { parent: this, dependsOn: [...(args.dependsOn ?? [])] },
    );
    this.mountSource = step.stdout;
    this.served = step.resource;
    this.registerOutputs({ mountSource: this.mountSource });
  }
}
