import * as pulumi from "@pulumi/pulumi";
import { script } from "../machine/script.ts";
import { diskVolume, domainDescription, guestId, imageVolume, libvirtName } from "../names.ts";
import type { Host } from "./host.ts";
import { guestMac, type Network } from "./network.ts";

/** For what an address is leased. */
export interface GuestAddressArgs {
  /** The host that keeps the lease. */
  readonly host: Host;
  /** The network of which it is an address. */
  readonly network: Network;
}

/**
 * The address of one guest, leased in the subnet of its stack: guests that come, go and change places move no other.
 *
 * Source: guide, step 4. Errors: no address is free; a domain of its name that is somebody else's.
 */
export class GuestAddress extends pulumi.ComponentResource {
  /** An IPv4 address. */
  readonly address: pulumi.Output<string>;

  /** @param guest name of the guest */
  constructor(guest: string, { host, network }: GuestAddressArgs, opts?: pulumi.ComponentResourceOptions) {
    const id = guestId(guest);
    const name = `${id}-address`;
    super("duet:host:GuestAddress", name, {}, opts);
    const step = host.step(
      name,
      {
        title: `lease an address for ${guest}`,
        script: script(import.meta.url, "guest-address.sh", {
          leases: host.isOfPerson ? `${host.stateFolder}/addresses` : `${host.leases}/addresses`,
          owner: `${host.stack}/${guest}`,
          guest,
          description: domainDescription(host.owner),
          mac: guestMac(host.stack, guest),
          subnet: network.subnet,
          network: libvirtName(host.stack),
          disk: diskVolume(guest),
          image: imageVolume,
          uri: host.uri,
          state: host.stateFolder,
          folder: `${host.stateFolder}/${id}`,
        }),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    this.address = step.stdout;
    this.registerOutputs({ address: this.address });
  }
}
