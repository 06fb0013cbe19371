import * as pulumi from "@pulumi/pulumi";
import { script } from "../machine/script.ts";
import type { Host } from "./host.ts";

export interface GdbSocketArgs {
  readonly host: Host;
  /** Name of the guest whose stub will listen there. */
  readonly guest: string;
}

/**
 * A unix socket for the gdb stub of one guest, in a folder that only QEMU and the developer enter: a port of loopback is
 * open to everybody who has an account on the host.
 *
 * Source: guide, step 4; the character device of qemu(1), -gdb. Errors: a file system without access lists; no account
 * as which libvirt would run QEMU.
 */
export class GdbSocket extends pulumi.ComponentResource {
  /** Absolute path of the socket, which `target remote` of gdb 8.3 and later takes. */
  readonly stub: pulumi.Output<string>;
  /** What QEMU takes for it. */
  readonly device: pulumi.Output<string>;

  constructor(name: string, { host, guest }: GdbSocketArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:host:GdbSocket", name, {}, opts);
    const step = host.root.step(
      name,
      {
        title: `make a folder for the gdb socket of ${guest}`,
        script: script(import.meta.url, "gdb-socket.sh", {
          socket: `${host.stubs}/${guest}.sock`,
          uid: host.developer.uid,
          configuration: "/etc/libvirt/qemu.conf",
        }),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    this.stub = step.stdout;
    this.device = pulumi.interpolate`unix:${this.stub},server=on,wait=off`;
    this.registerOutputs({ stub: this.stub });
  }
}
