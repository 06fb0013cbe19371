import * as pulumi from "@pulumi/pulumi";
import { requirePath, requireSource } from "../host/nfs-share.ts";
import { script, type Values } from "../machine/script.ts";
import type { VirtualMachine } from "./virtual-machine.ts";

/** What a guest mounts. */
export interface NfsMountArgs {
  /** The guest that mounts. */
  readonly guest: VirtualMachine;
  /** What to mount, as `address:/path`. */
  readonly source: pulumi.Input<string>;
  /** Absolute path of the mount point: the same as on the host, so that gdb finds what the guest compiled. */
  readonly directory: string;
}

/**
 * Options of every mount. Attributes are kept for one second only: make in the guest has to see what was edited on the
 * host.
 *
 * Source: nfs(5).
 */
const options = "vers=4.2,proto=tcp,sec=sys,hard,actimeo=1,lookupcache=positive";

/**
 * What the step is given. At boot the mount is tried in the background until it works, and no boot waits for it.
 *
 * Source: guide, step 6; systemd.mount(5) for `bg`.
 *
 * @throws if source or directory has characters that fstab would interpret
 */
function mountValues(source: string, directory: string): Values {
  const line = `${requireSource(source)} ${requirePath(directory)} nfs4 ${options},_netdev,nofail,bg,auto 0 0`;
  return { source, directory, options, line };
}

/**
 * Mounts the host's sources in the guest, at the path that they have on the host.
 *
 * Source: guide, step 6. Owns the lines between its stack's marks in the guest's /etc/fstab.
 */
export class NfsMount extends pulumi.ComponentResource {
  constructor(name: string, args: NfsMountArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:guest:NfsMount", name, {}, opts);
    const { guest, source, directory } = args;
    guest.step(
      name,
      {
        title: `mount ${directory}`,
        script: pulumi
          .output(source)
          .apply((known) =>
            script(import.meta.url, "nfs-mount.sh", { ...mountValues(known, directory), stack: guest.host.stack }),
          ),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    this.registerOutputs({});
  }
}
