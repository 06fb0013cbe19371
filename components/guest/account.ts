import * as pulumi from "@pulumi/pulumi";
import { script } from "../machine/script.ts";
import type { VirtualMachine } from "./virtual-machine.ts";

/** Which account a guest is given. */
export interface AccountArgs {
  /** The guest. */
  readonly guest: VirtualMachine;
  /** Name of user and group. */
  readonly user: string;
  /**
   * What happens to another user or group of the guest that has the id: "move" gives that one a free id, and its files
   * with it, as usermod and groupmod do; "fail" is an error that names it. Defaults to "move".
   */
  readonly conflict?: "move" | "fail";
}

/**
 * The host developer's account in the guest: with the same ids, a file made on one side belongs to the same person on
 * the other.
 *
 * Source: guide, step 8, note on NFS id mapping.
 */
export class Account extends pulumi.ComponentResource {
  constructor(name: string, args: AccountArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:guest:Account", name, {}, opts);
    const { guest, user, conflict = "move" } = args;
    const { uid, gid } = guest.host.developer;
    guest.step(
      name,
      {
        title: `make ${user} with the ids ${uid}:${gid}`,
        script: script(import.meta.url, "account.sh", { user, uid, gid, conflict }),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    this.registerOutputs({});
  }
}
