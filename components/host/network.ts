import { createHash } from "node:crypto";
import * as libvirt from "@pulumi/libvirt";
import * as pulumi from "@pulumi/pulumi";
import type { Machine } from "../machine/machine.ts";
import { type Shell, sh } from "../machine/shell.ts";
import { claimScript, type LeaseArgs, leaseFacts, releaseScript } from "./lease.ts";

export interface NetworkArgs {
  readonly host: Machine;
  /** Absolute path of the folder of leases, one for all stacks of the host. */
  readonly leases: string;
  /** The stack whose guests it joins. */
  readonly stack: string;
}

/** Third octets of the subnets that stacks share out: 192.168.150.0/24 to 192.168.199.0/24. */
const octets = Array.from({ length: 50 }, (_, index) => 150 + index);

/** Name of the bridge of a stack, within the kernel's 15 characters. */
export function bridgeName(stack: string): string {
  return `duet-${createHash("sha256").update(stack).digest("hex").slice(0, 8)}`;
}

/** Defines `taken OCTET`: the link that has a route to that subnet, unless it is the bridge of this stack. */
export function subnetTaken(bridge: string): Shell {
  return sh`taken() { ip -4 route show "192.168.$1.0/24" | grep -o 'dev [^ ]*' | grep -vxF ${`dev ${bridge}`} || true; }`;
}

/** Address of the Nth guest of a stack; the host has .1. */
export function guestAddress(octet: string, index: number): string {
  return `192.168.${octet}.${10 + index}`;
}

/**
 * MAC address of a guest, in the form that the provider reads back. It is the same for a domain that is made anew: the
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
  /** Third octet of the subnet, from which the guests' addresses follow. */
  readonly octet: pulumi.Output<string>;

  constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:host:Network", name, {}, opts);
    const bridge = bridgeName(args.stack);
    const lease: LeaseArgs = {
      folder: `${args.leases}/subnets`,
      owner: args.stack,
      candidates: octets,
      what: "subnet",
      taken: subnetTaken(bridge),
    };
    const step = args.host.step(
      `${name}-subnet`,
      {
        title: "lease a subnet",
        create: claimScript(lease),
        facts: leaseFacts(lease),
        delete: releaseScript(lease),
      },
      { parent: this },
    );
    this.octet = step.stdout;
    this.hostAddress = pulumi.interpolate`192.168.${this.octet}.1`;
    const network = new libvirt.Network(
      name,
      {
        name: `duet-${args.stack}`,
        bridge,
        mode: "nat",
        autostart: true,
        addresses: [pulumi.interpolate`192.168.${this.octet}.0/24`],
        dhcp: { enabled: true },
        dns: { enabled: true, localOnly: true },
      },
      { parent: this, deleteBeforeReplace: true },
    );
    this.networkId = network.id;
    this.registerOutputs({ networkId: this.networkId, hostAddress: this.hostAddress });
  }
}
