import * as pulumi from "@pulumi/pulumi";
import { script } from "../machine/script.ts";
import { nameLeases } from "../names.ts";
import type { Host } from "./host.ts";

export interface StackNameArgs {
  readonly host: Host;
}

/**
 * The name of a stack, leased on a host that others use: what libvirt has of the stack is called by it.
 *
 * Errors: a name that another stack has, with whose that is.
 */
export class StackName extends pulumi.ComponentResource {
  constructor(name: string, { host }: StackNameArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:host:StackName", name, {}, opts);
    const { stack, owner } = host;
    host.root.step(
      name,
      {
        title: `lease the name ${stack}`,
        script: script(import.meta.url, "stack-name.sh", { leases: nameLeases(host.leases), owner, stack }),
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
