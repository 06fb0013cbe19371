import type * as pulumi from "@pulumi/pulumi";
import { Machine } from "../machine/machine.ts";

/** The account on the host that owns sources and builds, and that a guest's account mirrors. */
export interface Developer {
  /** Numeric user id. */
  readonly uid: number;
  /** Numeric id of the primary group. */
  readonly gid: number;
}

/** Whether the guest's instructions run on the CPU or are translated. */
export type Accelerator = "kvm" | "tcg";

/** How what only root may do is done, if Pulumi runs as somebody else. */
export interface RootAccess {
  /** Words that run others as root. */
  readonly as: readonly string[];
  /** Absolute path of the folder for what root keeps of this stack. Only root writes there. */
  readonly folder: string;
}

/** What a spec does not say of a host. Entry points find it out, components never do. */
export interface HostArgs {
  /** Name of the stack. */
  readonly stack: string;
  /** Who the stack is, for all who use the host: by this its leases are known. Defaults to its name. */
  readonly owner?: string | undefined;
  /** URI of libvirt. */
  readonly uri: string;
  /** Words before a command that reaches guests and stubs from any shell of the host: `ip netns exec duet`. */
  readonly enter: readonly string[];
  /** Path of the network namespace that reaches the internet. Defaults to that in which Pulumi runs. */
  readonly fetchNamespace?: string | undefined;
  /** How the instructions of guests are run. */
  readonly accelerator: Accelerator;
  /** Absolute path of the cache: what can be made again. */
  readonly cache: string;
  /** Absolute path of the folder of leases, one for all stacks of the host. */
  readonly leases: string;
  /** Absolute path of this stack's folder in the state, 0700. */
  readonly stateFolder: string;
  /** Absolute path of the folder of console logs, as libvirt sees it. */
  readonly consoleLogs: string;
  /** Absolute path of that folder, as the host sees it. */
  readonly consoleLogsHere: string;
  /** Absolute path of the folder of this stack's gdb sockets, as libvirt sees it and as the host does. */
  readonly stubs: string;
  /** The account that owns sources and builds. */
  readonly developer: Developer;
  /** Absolute path of the home directory of whoever runs gdb. */
  readonly home: string;
  /** Defaults to none: Pulumi runs as root. */
  readonly root?: RootAccess | undefined;
}

/** Where libvirt, the sources and their server are, and what belongs to this stack there. */
export class Host extends Machine {
  /** {@inheritDoc HostArgs.stack} */
  readonly stack: string;
  /** {@inheritDoc HostArgs.owner} */
  readonly owner: string;
  /** {@inheritDoc HostArgs.uri} */
  readonly uri: string;
  /** {@inheritDoc HostArgs.enter} */
  readonly enter: readonly string[];
  /** {@inheritDoc HostArgs.fetchNamespace} */
  readonly fetchNamespace: string | undefined;
  /** {@inheritDoc HostArgs.accelerator} */
  readonly accelerator: Accelerator;
  /** {@inheritDoc HostArgs.cache} */
  readonly cache: string;
  /** {@inheritDoc HostArgs.leases} */
  readonly leases: string;
  /** {@inheritDoc HostArgs.stateFolder} */
  readonly stateFolder: string;
  /** {@inheritDoc HostArgs.consoleLogs} */
  readonly consoleLogs: string;
  /** {@inheritDoc HostArgs.consoleLogsHere} */
  readonly consoleLogsHere: string;
  /** {@inheritDoc HostArgs.stubs} */
  readonly stubs: string;
  /** {@inheritDoc HostArgs.developer} */
  readonly developer: Developer;
  /** {@inheritDoc HostArgs.home} */
  readonly home: string;
  /** The host for steps that only root may do: itself, if Pulumi runs as root. */
  readonly root: Machine;
  /** Absolute path of the folder for what those steps keep. */
  readonly rootFolder: string;

  constructor(name: string, args: HostArgs, opts?: pulumi.CustomResourceOptions) {
    super(name, { records: `${args.stateFolder}/steps` }, opts);
    this.stack = args.stack;
    this.owner = args.owner ?? args.stack;
    this.uri = args.uri;
    this.enter = args.enter;
    this.fetchNamespace = args.fetchNamespace;
    this.accelerator = args.accelerator;
    this.cache = args.cache;
    this.leases = args.leases;
    this.stateFolder = args.stateFolder;
    this.consoleLogs = args.consoleLogs;
    this.consoleLogsHere = args.consoleLogsHere;
    this.stubs = args.stubs;
    this.developer = args.developer;
    this.home = args.home;
    const { root } = args;
    this.rootFolder = root?.folder ?? args.stateFolder;
    this.root =
      root === undefined ? this : new Machine(`${name}-root`, { records: `${root.folder}/steps`, as: root.as }, opts);
  }

  /** Whether others use its libvirt, and may have a stack of the same name. */
  get isShared(): boolean {
    return this.owner !== this.stack;
  }

  /** Whether Pulumi runs as somebody who is not root. */
  get isOfPerson(): boolean {
    return this.root !== this;
  }
}
