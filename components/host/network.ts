import { createHash } from "node:crypto";
import * as libvirt from "@pulumi/libvirt";
import * as pulumi from "@pulumi/pulumi";
import { script } from "../machine/script.ts";
import { bridgeName, libvirtName } from "../names.ts";
import type { Host } from "./host.ts";

/** Where a network is made. */
export interface NetworkArgs {
  /** The host whose libvirt has it. */
  readonly host: Host;
}

/**
 * The subnets that stacks share out: 192.168.150.0/24 to 192.168.199.0/24, by their third numbers, and for a host whose
 * VPN has all of 192.168 as many below 10.213.
 */
const thirds = Array.from({ length: 50 }, (_, index) => 150 + index);
const subnets = [...thirds, ...thirds.map((third) => `10.213.${third}`)];

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
    const { stack, owner, leases } = host;
    const bridge = bridgeName(stack);
    const step = host.root.step(
      `${name}-subnet`,
      {
        title: "lease a subnet",
        script: script(import.meta.url, "network.sh", { leases: `${leases}/subnets`, owner, bridge, subnets }),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    this.subnet = step.stdout.apply((leased) => (leased.includes(".") ? leased : `192.168.${leased}`));
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
