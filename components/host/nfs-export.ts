import * as pulumi from "@pulumi/pulumi";
import { script } from "../machine/script.ts";
import type { Host } from "./host.ts";
import { ganeshaValues, kernelValues, type NfsShare } from "./nfs-share.ts";

/** "kernel" is nfsd, for hosts that have it; "ganesha" is nfs-ganesha, one process for each stack. */
export type NfsServer = "kernel" | "ganesha";

/** Where and to whom a directory of the host is served. */
export interface NfsExportArgs {
  /** The host that serves. */
  readonly host: Host;
  /** Absolute path of the directory to serve. */
  readonly directory: string;
  /** Address of the host on the guests' bridge: the one on which nfs-ganesha listens. */
  readonly address: pulumi.Input<string>;
  /** Addresses that may mount it, each a single IPv4 or IPv6 address. */
  readonly clients: pulumi.Input<readonly pulumi.Input<string>[]>;
  /** What serves. Defaults to "kernel". */
  readonly server?: NfsServer;
}

/** The server for what a spec asks: "auto" is nfs-ganesha in the embedded host, and nfsd elsewhere. */
export function nfsServer(asked: NfsServer | "auto", sandbox: boolean): NfsServer {
  return asked === "auto" ? (sandbox ? "ganesha" : "kernel") : asked;
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

  constructor(name: string, args: NfsExportArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:host:NfsExport", name, {}, opts);
    const { host, directory, server = "kernel" } = args;
    const share = pulumi
      .all([args.address, args.clients])
      // Guests that change places in the spec are no change of the export.
      .apply(([address, clients]): NfsShare => ({ directory, address, clients: clients.toSorted() }));
    const step = host.root.step(
      name,
      {
        title: `serve ${directory} to the guests`,
        script: share.apply((known) =>
          server === "kernel"
            ? script(import.meta.url, "nfs-kernel.sh", kernelValues(known, host.stack))
            : script(import.meta.url, "nfs-ganesha.sh", ganeshaValues(known, host.rootFolder)),
        ),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    this.mountSource = step.stdout;
    this.registerOutputs({ mountSource: this.mountSource });
  }
}
