import * as pulumi from "@pulumi/pulumi";
import { script } from "../machine/script.ts";
import type { Host } from "./host.ts";

/** For what a port is leased. */
export interface GdbPortArgs {
  /** The host on which the stub listens. */
  readonly host: Host;
  /** Name of the guest whose stub will listen there. */
  readonly guest: string;
  /** The TCP port. Defaults to the first free one from 1234 on, the port of the guide, to 1333. */
  readonly port?: number | undefined;
}

const anyPort = Array.from({ length: 100 }, (_, index) => 1234 + index);

/**
 * A TCP port for the gdb stub of one guest, leased for the host and kept for the stack's life.
 *
 * Source: guide, step 4, whose "make sure to pick a unique TCP port number for each" this is.
 */
export class GdbPort extends pulumi.ComponentResource {
  /** The port, from 1024 on. */
  readonly port: pulumi.Output<number>;
  /** What `target remote` of gdb takes for it. */
  readonly stub: pulumi.Output<string>;
  /** What QEMU takes for it. */
  readonly device: pulumi.Output<string>;

  constructor(name: string, args: GdbPortArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:host:GdbPort", name, {}, opts);
    const { host, guest, port } = args;
    const step = host.root.step(
      name,
      {
        title: `lease a gdb port for ${guest}`,
        script: script(import.meta.url, "gdb-port.sh", {
          leases: `${host.leases}/gdb-ports`,
          owner: `${host.owner}/${guest}`,
          guest,
          ports: port === undefined ? anyPort : [port],
        }),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    this.port = step.stdout.apply(Number);
    this.stub = pulumi.interpolate`127.0.0.1:${this.port}`;
    this.device = pulumi.interpolate`tcp:${this.stub}`;
    this.registerOutputs({ port: this.port });
  }
}
