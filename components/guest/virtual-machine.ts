import { dirname } from "node:path";
import * as libvirt from "@pulumi/libvirt";
import * as pulumi from "@pulumi/pulumi";
import { GdbPort } from "../host/gdb-port.ts";
import { GdbSocket } from "../host/gdb-socket.ts";
import type { GuestAddress } from "../host/guest-address.ts";
import type { Host } from "../host/host.ts";
import { guestMac, type Network } from "../host/network.ts";
import { type Drift, Machine } from "../machine/machine.ts";
import { script, type ValueInputs } from "../machine/script.ts";
import type { Step, StepArgs } from "../machine/step.ts";
import { template } from "../machine/template.ts";
import { diskVolume, domainDescription, guestId } from "../names.ts";
import { Access } from "./access.ts";
import { userData } from "./cloud-init.ts";
import { accelerators, attribute, definitions, ownKernelStylesheet, provenSnapshot } from "./definition.ts";
import type { Image } from "./image.ts";
import { makeSeed } from "./seed.ts";
import type { Crashes, Symbols } from "./symbols.ts";

/** What a guest is made of. */
export interface VirtualMachineArgs {
  /** The host whose libvirt has it. */
  readonly host: Host;
  /** The network that it is in. */
  readonly network: Network;
  /** The image of which its disk is an overlay. */
  readonly image: Image;
  /** Its address on that network. */
  readonly address: GuestAddress;
  /** By which a panic is told with file and line. */
  readonly symbols: Symbols;
  /** Absolute path of a folder of the user's own for its reports of crashes. Defaults to one that goes at destroy. */
  readonly reports?: string | undefined;
  /** Memory in MiB, 512 or more. */
  readonly memory: number;
  /** Number of its processors. */
  readonly vcpus: number;
  /** Size of the disk in GiB. It grows in place, and never shrinks. */
  readonly disk: number;
  /** Where the gdb stub listens: a port of loopback, or a socket that only the developer reaches. Defaults to "port". */
  readonly stub?: "port" | "socket" | undefined;
  /** Port of the gdb stub. Defaults to one leased from 1234 on. */
  readonly gdbPort?: number | undefined;
  /**
   * Seconds that it may take to come up, in all. A guest whose console is silent for 240 s, or that panics, is given up
   * before. Defaults to 600.
   */
  readonly bootTimeout?: number | undefined;
  /** Whether it goes back to how it was proven, in the place of a boot, when it has panicked or hangs. Defaults to false. */
  readonly snapshot?: boolean | undefined;
}

/**
 * A guest under a gdb stub that nobody reaches from another machine, with a host key that is pinned before it boots.
 *
 * Source: guide, step 4.
 */
export class VirtualMachine extends pulumi.ComponentResource {
  /** Name of the domain, and the guest's host name. */
  readonly name: string;
  /** By what its resources, its steps and its files are called. */
  readonly id: string;
  /** The host whose libvirt has it. */
  readonly host: Host;
  /** Name of the storage pool of its disk. */
  readonly pool: pulumi.Output<string>;
  /** Its IPv4 address. */
  readonly address: pulumi.Output<string>;
  /** What gdb's `target remote` takes. */
  readonly stub: pulumi.Output<string>;
  /** Undefined for a socket. */
  readonly gdbPort: pulumi.Output<number | undefined>;
  /** Words of the ssh command that reaches the guest as root. */
  readonly ssh: pulumi.Output<readonly string[]>;
  /** Absolute path of the console log, on the host. */
  readonly consoleLog: string;
  /** Where the symbols are of what runs in it. */
  readonly symbols: Symbols;
  /** Where what is known of its crashes is. */
  readonly crashes: Crashes;
  /** Once it has come up, for `dependsOn`. */
  readonly booted: pulumi.Resource;
  /** Seconds that it may take to come up. */
  readonly bootTimeout: number;
  /** By what its definition is known, for a script that has definition.sh. */
  readonly definition: ValueInputs;
  readonly #machine: Machine;
  readonly #steps: Step[] = [];
  #before: pulumi.Resource | undefined;

  /** @param name the name of the domain */
  constructor(name: string, args: VirtualMachineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:guest:VirtualMachine", name, {}, opts);
    const parent = { parent: this };
    const { host, network } = args;
    const accelerated = accelerators[host.accelerator];
    const id = guestId(name);
    this.name = name;
    this.id = id;
    this.host = host;
    this.pool = args.image.pool;
    this.symbols = args.symbols;
    this.bootTimeout = args.bootTimeout ?? 600;
    const watch = `${host.rootFolder}/crashes/${id}`;
    const reports = args.reports === undefined ? `${watch}/reports` : `${args.reports}/${host.stack}-${name}`;
    this.crashes = { watch, reports, told: `${host.stateFolder}/${id}/told` };
    this.address = args.address.address;
    // QEMU's account comes with libvirt, which is there once its network is.
    const gdb =
      args.stub === "socket"
        ? new GdbSocket(`${id}-gdb-socket`, { host, guest: name }, { ...parent, dependsOn: network })
        : new GdbPort(`${id}-gdb-port`, { host, guest: name, port: args.gdbPort }, parent);
    const { stub, device } = gdb;
    this.stub = stub;
    this.gdbPort = gdb instanceof GdbPort ? gdb.port : pulumi.output(undefined);
    const folder = `${host.stateFolder}/${id}`;
    const access = new Access(`${id}-access`, { host, guest: name, address: this.address, folder }, parent);
    this.ssh = access.ssh;
    this.consoleLog = `${host.consoleLogsHere}/${name}-console.log`;

    const disk = new libvirt.Volume(
      `${id}-disk`,
      {
        name: diskVolume(name),
        pool: args.image.pool,
        baseVolumeId: args.image.volumeId,
        size: args.disk * 1024 ** 3,
        format: "qcow2",
      },
      // The provider would make another one, without what is in it: a step grows it.
      { ...parent, deleteBeforeReplace: true, ignoreChanges: ["size"] },
    );
    const data = access.keys.apply((keys) =>
      userData({
        hostname: name,
        authorizedKey: keys.clientPublic,
        hostKey: keys.host,
        hostPublicKey: keys.hostPublic,
      }),
    );
    const seed = makeSeed(`${id}-seed`, { host, image: args.image, guest: name, folder, userData: data }, parent);
    const consoleLog = attribute(`${host.consoleLogs}/${name}-console.log`);
    const log = host.isOfPerson
      ? host.root.step(
          `${id}-console`,
          {
            title: `open the console of ${name} to its developer`,
            script: script(import.meta.url, "console.sh", { console: this.consoleLog, ...host.developer }),
          },
          parent,
        )
      : undefined;
    const domain = new libvirt.Domain(
      id,
      {
        name,
        description: domainDescription(host.owner),
        memory: args.memory,
        vcpu: args.vcpus,
        type: accelerated.type,
        cpu: { mode: accelerated.cpu },
        disks: [{ volumeId: disk.id }, { volumeId: seed.id }],
        networkInterfaces: [
          {
            networkId: network.networkId,
            addresses: [this.address],
            mac: guestMac(host.stack, name),
            hostname: name,
            waitForLease: false,
          },
        ],
        xml: {
          // The id of a volume is its path.
          xslt: pulumi.all([device, disk.id]).apply(([stub, path]) => {
            const images = attribute(dirname(path));
            return template(import.meta.url, "domain.xsl", { stub, console_log: consoleLog, images });
          }),
        },
      },
      {
        ...parent,
        deleteBeforeReplace: true,
        replaceOnChanges: ["disks", "networkInterfaces"],
        // gdb leaves a domain paused, which reads as "not running"; the step below brings it back. It also gives the
        // domain what the spec asks for, instead of another one without what a person has added to it; a kernel that is
        // booted directly is given later. And the addresses of a domain that has just been made read as none, now and
        // then; they follow from the network anyway. The mark of whose it is stays as it was made.
        ignoreChanges: [
          ...["running", "memory", "vcpu", "type", "cpu", "xml", "description", "kernel", "initrd", "cmdlines"],
          "networkInterfaces[0].addresses",
        ],
        dependsOn: log === undefined ? [] : [log.resource],
      },
    );
    this.definition = {
      uri: host.uri,
      guest: name,
      uuid: domain.id,
      device,
      definition: `${folder}/domain.xml`,
      stylesheet: definitions,
      proven: args.snapshot ? provenSnapshot : "",
      memory: args.memory,
      vcpus: args.vcpus,
      type: accelerated.type,
      cpu: accelerated.cpu,
      ssh: this.ssh,
      console: this.consoleLog,
      ...this.symbols,
      ...host.developer,
    };
    const boot = host.step(
      `${id}-boot`,
      {
        title: `boot ${name}`,
        script: script(import.meta.url, "domain.sh", {
          ...this.definition,
          ...this.crashes,
          stub,
          kernel_stylesheet: ownKernelStylesheet,
          timeout: this.bootTimeout,
        }),
      },
      { ...parent, dependsOn: [domain] },
    );
    this.booted = boot.resource;
    host.step(
      `${id}-disk-size`,
      {
        title: `give the disk of ${name} its size`,
        script: script(import.meta.url, "disk.sh", {
          uri: host.uri,
          guest: name,
          uuid: domain.id,
          pool: args.image.pool,
          volume: diskVolume(name),
          gib: args.disk,
          ssh: this.ssh,
        }),
      },
      { ...parent, dependsOn: [boot.resource] },
    );
    this.#machine = new Machine(
      `${id}-facts`,
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
    this.registerOutputs({ address: this.address, stub, ssh: this.ssh });
  }

  /** Declares a step that runs in the guest, as root. It goes when the domain goes. */
  step(name: string, args: StepArgs, opts: pulumi.CustomResourceOptions): Step {
    const before = this.#before;
    const dependsOn =
      before === undefined
        ? opts.dependsOn
        : pulumi.output(opts.dependsOn).apply((others) => [others ?? [], before].flat());
    const step = this.#machine.step(name, args, { ...opts, ...(dependsOn === undefined ? {} : { dependsOn }) });
    this.#steps.push(step);
    return step;
  }

  /** Has all steps that are declared in it from now on wait for something. */
  holdBack(before: pulumi.Resource): void {
    this.#before = before;
  }

  /** What its steps by now are made from, and how often they have drifted, which is known before any of them runs. */
  get state(): { readonly inputs: pulumi.Output<readonly string[]>; readonly drift: pulumi.Output<Drift> } {
    return { inputs: pulumi.all(this.#steps.map(({ input }) => input)), drift: this.#machine.drift };
  }

  /** Absolute path, in the guest, of the file of a step. */
  fileOf(step: string): string {
    return this.#machine.fileOf(step);
  }
}
