import { createHash } from "node:crypto";
import * as libvirt from "@pulumi/libvirt";
import * as pulumi from "@pulumi/pulumi";
import { script } from "../machine/script.ts";
import { bridgeName, libvirtName } from "../names.ts";
import type { Host } from "./host.ts";

export interface NetworkArgs {
  readonly host: Host;
}

/** Third octets of the subnets that stacks share out: 192.168.150.0/24 to 192.168.199.0/24. */
const octets = Array.from({ length: 50 }, (_, index) => 150 + index);

/**
 * MAC address of a guest, in the form that the provider reads back. It is the same for a domain that is made again: the
 * DHCP server holds the guest's address for the card that had it, for an hour.
 */
export function guestMac(stack: string, guest: string): string {
  const digits = createHash("sha256").update(`${stack}/${guest}`).digest("hex").slice(0, 6).toUpperCase();
  return ["52", "54", "00", ...(digits.match(/../g) ?? [])].join(":");
}

/** A NAT network of the stack's own, in a subnet leased for the host. */
export class Network extends pulumi.ComponentResource {
  /** Id of the libvirt network. */
  readonly networkId: pulumi.Output<string>;
  /** The host's address on the bridge. */
  readonly hostAddress: pulumi.Output<string>;
  /** The first three numbers of its addresses: "192.168.150". */
  readonly subnet: pulumi.Output<string>;

  constructor(name: string, { host }: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:host:Network", name, {}, opts);
    const { stack, leases } = host;
    const bridge = bridgeName(stack);
    const step = host.step(
      `${name}-subnet`,
      {
        title: "lease a subnet",
        script: script(import.meta.url, "network.sh", { leases: `${leases}/subnets`, owner: stack, bridge, octets }),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    this.subnet = pulumi.interpolate`192.168.${step.stdout}`;
    this.hostAddress = pulumi.interpolate`${this.subnet}.1`;
    const network = new libvirt.Network(
      name,
      {
        name: libvirtName(stack),
        bridge,
        mode: "nat",
        autostart: true,
        addresses: [pulumi.interpolate`${this.subnet}.0/24`],
        dhcp: { enabled: true },
        dns: { enabled: true, localOnly: true },
      },
      { parent: this, deleteBeforeReplace: true },
    );
    this.networkId = network.id;
    this.registerOutputs({ networkId: this.networkId, hostAddress: this.hostAddress });
  }
}
