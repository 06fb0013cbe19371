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

/** What a spec does not say of a host. Entry points find it out, components never do. */
export interface HostArgs {
  /** Name of the stack. */
  readonly stack: string;
  /** URI of libvirt. */
  readonly uri: string;
  /** Words before a command that reaches guests and stubs from any shell of the host: `ip netns exec duet`. */
  readonly enter: readonly string[];
  /** Path of the network namespace that reaches the internet. Defaults to that in which Pulumi runs. */
  readonly fetchNamespace?: string | undefined;
  readonly accelerator: Accelerator;
  /** Absolute path of the cache: what can be made again. */
  readonly cache: string;
  /** Absolute path of the folder of leases, one for all stacks of the host. */
  readonly leases: string;
  /** Absolute path of this stack's folder in the state, 0700. */
  readonly stateFolder: string;
  /** Absolute path of the folder of console logs, as libvirt sees it and as the host does. */
  readonly consoleLogs: string;
  readonly consoleLogsHere: string;
  readonly developer: Developer;
  /** Absolute path of the home directory of whoever runs gdb. */
  readonly home: string;
}

/** Where libvirt, the sources and their server are, and what belongs to this stack there. */
export class Host extends Machine {
  readonly stack: string;
  readonly uri: string;
  readonly enter: readonly string[];
  readonly fetchNamespace: string | undefined;
  readonly accelerator: Accelerator;
  readonly cache: string;
  readonly leases: string;
  readonly stateFolder: string;
  readonly consoleLogs: string;
  readonly consoleLogsHere: string;
  readonly developer: Developer;
  readonly home: string;

  constructor(name: string, args: HostArgs, opts?: pulumi.CustomResourceOptions) {
    super(name, { records: `${args.stateFolder}/steps` }, opts);
    this.stack = args.stack;
    this.uri = args.uri;
    this.enter = args.enter;
    this.fetchNamespace = args.fetchNamespace;
    this.accelerator = args.accelerator;
    this.cache = args.cache;
    this.leases = args.leases;
    this.stateFolder = args.stateFolder;
    this.consoleLogs = args.consoleLogs;
    this.consoleLogsHere = args.consoleLogsHere;
    this.developer = args.developer;
    this.home = args.home;
  }
}
