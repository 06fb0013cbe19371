import * as libvirt from "@pulumi/libvirt";
import * as pulumi from "@pulumi/pulumi";
import { GdbPort } from "../host/gdb-port.ts";
import { guestAddress, guestMac, type Network } from "../host/network.ts";
import { Machine } from "../machine/machine.ts";
import { lines } from "../machine/shell.ts";
import { Access } from "./access.ts";
import { bootFacts, bootScript, endSharedConnection } from "./boot.ts";
import { userData } from "./cloud-init.ts";
import { definitionFacts, keepDefinition } from "./definition.ts";
import { domainXslt } from "./domain-xslt.ts";
import type { Image } from "./image.ts";
import { seedFacts, seedFile, seedKey, seedScript } from "./seed.ts";

/** Whether the guest's instructions run on the CPU or are translated. */
export type Accelerator = "kvm" | "tcg";

export interface VirtualMachineArgs {
  readonly host: Machine;
  /** URI of libvirt. */
  readonly uri: string;
  /** The stack it belongs to. */
  readonly stack: string;
  /** Name of the domain, and the guest's host name. */
  readonly hostname: string;
  /** Memory in MiB, 512 or more. */
  readonly memory: number;
  readonly vcpus: number;
  /** Size of the disk in GiB. */
  readonly disk: number;
  /** Port of the gdb stub. Defaults to one leased from 1234 on. */
  readonly gdbPort?: number;
  readonly accelerator: Accelerator;
  readonly network: Network;
  readonly image: Image;
  /** Its place among the guests of the stack, from 0, from which its address follows. */
  readonly index: number;
  /** Absolute path of the stack's folder in the state, 0700. */
  readonly stateFolder: string;
  /** Absolute path of the folder of leases, one for all stacks of the host. */
  readonly leases: string;
  /** Absolute path of the folder of console logs, as libvirt sees it. */
  readonly consoleLogs: string;
  /** The same folder as this host sees it. Defaults to `consoleLogs`. */
  readonly consoleLogsHere?: string;
}

/**
 * A guest under a gdb stub that listens on loopback, with a host key that is pinned before it boots.
 *
 * Source: guide, step 4.
 */
export class VirtualMachine extends pulumi.ComponentResource {
  readonly address: pulumi.Output<string>;
  readonly gdbPort: pulumi.Output<number>;
  /** Words of the ssh command that reaches the guest as root. */
  readonly ssh: pulumi.Output<readonly string[]>;
  /** Absolute path of the console log, on this host. */
  readonly consoleLog: string;
  /** The guest as a place where steps run. They go when the domain goes. */
  readonly machine: Machine;

  constructor(name: string, args: VirtualMachineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:guest:VirtualMachine", name, {}, opts);
    const parent = { parent: this };
    const { host, hostname, uri } = args;
    this.address = args.network.octet.apply((octet) => guestAddress(octet, args.index));
    this.gdbPort = new GdbPort(
      `${name}-gdb-port`,
      { host, leases: args.leases, stack: args.stack, domain: hostname, port: args.gdbPort },
      parent,
    ).port;
    const folder = `${args.stateFolder}/${hostname}`;
    const access = new Access(`${name}-access`, { host, guest: hostname, address: this.address, folder }, parent);
    this.ssh = access.ssh;
    this.consoleLog = `${args.consoleLogsHere ?? args.consoleLogs}/${hostname}-console.log`;

    const disk = new libvirt.Volume(
      `${name}-disk`,
      {
        name: `${hostname}.qcow2`,
        pool: args.image.pool,
        baseVolumeId: args.image.volumeId,
        size: args.disk * 1024 ** 3,
        format: "qcow2",
      },
      { ...parent, deleteBeforeReplace: true },
    );
    const seedData = access.keys.apply((keys) =>
      userData({
        hostname,
        authorizedKey: keys.clientPublic,
        hostKey: keys.host,
        hostPublicKey: keys.hostPublic,
      }),
    );
    // Not libvirt.CloudinitDisk: it reads back what it has written, over which the provider's client may wait for ever.
    const seedImage = host.step(
      `${name}-seed-image`,
      {
        title: `make the seed of ${hostname}`,
        create: seedScript(hostname, folder),
        facts: seedFacts(folder),
        stdin: seedData,
      },
      parent,
    );
    const seed = new libvirt.Volume(
      `${name}-seed`,
      {
        name: pulumi.unsecret(seedData.apply((data) => `${hostname}-${seedKey(data)}-seed.iso`)),
        pool: args.image.pool,
        source: seedFile(folder),
        // As libvirt finds it when it looks: another word would be a change, and a new volume at every `up`.
        format: "iso",
      },
      { ...parent, deleteBeforeReplace: true, dependsOn: [seedImage.resource] },
    );
    const domain = new libvirt.Domain(
      name,
      {
        name: hostname,
        description: `Duet stack ${args.stack}`,
        memory: args.memory,
        vcpu: args.vcpus,
        type: args.accelerator === "kvm" ? "kvm" : "qemu",
        cpu: { mode: args.accelerator === "kvm" ? "host-passthrough" : "maximum" },
        disks: [{ volumeId: disk.id }, { volumeId: seed.id }],
        networkInterfaces: [
          {
            networkId: args.network.networkId,
            addresses: [this.address],
            mac: guestMac(args.stack, hostname),
            hostname,
            waitForLease: false,
          },
        ],
        xml: {
          xslt: this.gdbPort.apply((gdbPort) =>
            domainXslt({ gdbPort, consoleLog: `${args.consoleLogs}/${hostname}-console.log` }),
          ),
        },
      },
      {
        ...parent,
        deleteBeforeReplace: true,
        replaceOnChanges: ["disks", "networkInterfaces", "cpu"],
        // gdb leaves a domain paused, which reads as "not running"; the step below brings it back. And the addresses of a
        // domain that has just been made read as none, now and then; they follow from the network anyway.
        ignoreChanges: ["running", "networkInterfaces[0].addresses"],
      },
    );
    const boot = host.step(
      `${name}-boot`,
      {
        title: `boot ${hostname}`,
        create: pulumi
          .all([this.gdbPort, this.ssh, domain.id])
          .apply(([gdbPort, ssh, id]) =>
            lines(
              keepDefinition({ uri, domain: hostname }, id, `${folder}/domain.xml`),
              bootScript({ uri, domain: hostname, gdbPort, ssh, consoleLog: this.consoleLog, timeout: 240 }),
            ),
          ),
        facts: bootFacts({ uri, domain: hostname, ssh: access.words }, definitionFacts({ uri, domain: hostname })),
        delete: access.ssh.apply(endSharedConnection),
      },
      { ...parent, dependsOn: [domain] },
    );
    this.machine = new Machine(
      `${name}-facts`,
      {
        records: "/var/lib/duet/steps",
        // A new domain has a new disk: then everything in it is unknown until it has been asked.
        connection: {
          ...access.connection,
          command: pulumi.all([this.ssh, domain.id]).apply(([ssh]) => ssh),
        },
      },
      { ...parent, dependsOn: [boot.resource], deletedWith: domain },
    );
    this.registerOutputs({ address: this.address, gdbPort: this.gdbPort, ssh: this.ssh });
  }
}
