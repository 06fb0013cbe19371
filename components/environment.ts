import * as pulumi from "@pulumi/pulumi";
import { CrashReports } from "./crash/crash-reports.ts";
import { DuetTools } from "./duet/tools.ts";
import { Editor } from "./editor/editor.ts";
import { AutoLoad } from "./gdb/auto-load.ts";
import { DebugSession } from "./gdb/session.ts";
import { Account } from "./guest/account.ts";
import { Image } from "./guest/image.ts";
import { NfsMount } from "./guest/nfs-mount.ts";
import { GuestPackages, guestPackages } from "./guest/packages.ts";
import { Snapshot } from "./guest/snapshot.ts";
import { VirtualMachine } from "./guest/virtual-machine.ts";
import { accessTo, type GuestAccess } from "./guest-access.ts";
import { GuestAddress } from "./host/guest-address.ts";
import { Network } from "./host/network.ts";
import { NfsExport } from "./host/nfs-export.ts";
import { prepareHost } from "./host/prepare.ts";
import type { WebConsoleAccess } from "./host/web-console.ts";
import { DirectKernel } from "./kernel/direct.ts";
import { KernelInstall } from "./kernel/install.ts";
import type { Site } from "./site.ts";
import { SourceTree } from "./sources/source-tree.ts";
import type { Spec } from "./spec.ts";
import { kernelFor } from "./spec-kernel.ts";
import { buildKernels, stackKernels } from "./stack-kernel.ts";

/** What an environment is made from. */
export interface DuetEnvironmentArgs {
  /** The checked spec. */
  readonly spec: Spec;
  /** What was found out of the machine and of its user. */
  readonly site: Site;
}

/**
 * All of it: a host that serves the sources, and guests that run the Duet kernel under a gdb stub, with the module
 * loaded and the tools installed, proven debuggable.
 *
 * Source: the guide, steps 1 to 14, in the order in which they converge.
 */
export class DuetEnvironment extends pulumi.ComponentResource {
  /** One entry a guest, in the order of the spec. */
  readonly vms: pulumi.Output<readonly GuestAccess[]>;
  /** Undefined if the spec asks for none. */
  readonly webConsole: WebConsoleAccess | undefined;
  /** Absolute path of the workspace file for editors. */
  readonly workspace: pulumi.Output<string>;

  constructor(name: string, { spec, site }: DuetEnvironmentArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:index:DuetEnvironment", name, {}, opts);
    const parent = { parent: this };
    const { directory } = spec.sources;
    const prepared = prepareHost(`${name}-libvirt`, { spec, site }, parent);
    const { host, server, packages, place, libvirtParent } = prepared;
    this.webConsole = prepared.webConsole;

    const afterPlace = { ...parent, dependsOn: [packages, ...place] };
    const source = (role: "module" | "tools"): SourceTree =>
      new SourceTree(
        `${role}-source`,
        { host, role: `duet-${role}`, source: site.sources[role], directory },
        afterPlace,
      );
    const [module, ofTools] = [source("module"), source("tools")];
    const ofKernels = { host, spec, site, module, afterPlace };
    const kernels = stackKernels(ofKernels);
    const sources = [...new Set([...kernels.map((kernel) => kernel.source), module, ofTools])];
    const network = new Network("network", { host }, libvirtParent);
    const vms = spec.vms.map((vm) => ({
      ...vm,
      address: new GuestAddress(vm.name, { host, network }, { ...parent, dependsOn: network }),
    }));
    const smallestDisk = Math.min(...vms.map(({ disk }) => disk));
    const image = new Image(
      "image",
      { host, source: site.image, smallestDisk },
      { ...libvirtParent, dependsOn: packages },
    );
    const nfs = new NfsExport(
      "nfs-export",
      { host, directory, server, address: network.hostAddress, clients: vms.map(({ address }) => address.address) },
      { ...parent, dependsOn: [packages, ...sources, network] },
    );
    // Root's own gdb is to run nothing that the developer writes.
    const autoLoad = host.isOfPerson ? [new AutoLoad("gdb-access", { host, directory }, parent)] : [];

    const { stub, crashes: kept } = spec.host;
    const guests = vms.map((vm) => {
      const { symbols } = kernelFor(vm, kernels);
      const given = { host, network, image, symbols, stub, reports: kept.directory, ...vm };
      return new VirtualMachine(vm.name, given, libvirtParent);
    });
    const trees = sources.map(({ tree }) => tree);
    const crashes = new CrashReports("crash-reports", { host, spec, trees }, { ...parent, dependsOn: packages });
    const built = buildKernels(kernels, ofKernels, guests, parent, packages);
    const tools = new DuetTools("tools", { source: ofTools }, parent);

    const accesses = guests.map((guest, at) => {
      const after = (...dependsOn: pulumi.Resource[]) => ({ ...parent, dependsOn });
      const { user, conflict } = spec.developer;
      const names = [...guestPackages, ...spec.tools.packages];
      const vm = vms[at]!;
      const { asked, source, config, kernel, module: ofKernel, perf } = kernelFor(vm, built);
      const hashes = [config, source, module, ofTools].map(({ hash }) => hash);
      const of = { spec, hashes, kernel: kernel.buildId, packages: kernel.packages, mount: nfs.mountSource };
      const snapshot = vm.snapshot && new Snapshot(`${guest.id}-snapshot`, { guest, of }, parent);
      const packages = new GuestPackages(`${guest.id}-packages`, { guest, packages: names }, parent);
      const account = new Account(`${guest.id}-account`, { guest, user, conflict }, after(packages));
      const mount = new NfsMount(
        `${guest.id}-mount`,
        { guest, source: nfs.mountSource, directory },
        after(packages, nfs),
      );
      const Kernel = (vm.boot ?? asked.boot) === "direct" ? DirectKernel : KernelInstall;
      const install = new Kernel(`${guest.id}-kernel`, { guest, kernel }, after(mount, crashes.watch(guest)));
      const loaded = ofKernel.loadIn(guest, { dependsOn: [account, mount, install] });
      const installed = [
        tools.installIn(guest, { dependsOn: loaded.resource }),
        ...(perf ? [perf.installIn(guest, { dependsOn: [account, mount, install] })] : []),
      ];
      const session = new DebugSession(
        `${guest.id}-debug`,
        { guest, directory, kernel, module: ofKernel, loaded, functionName: spec.module.breakpoint },
        after(loaded.resource, ...autoLoad),
      );
      if (snapshot) snapshot.take([session, ...installed]);
      return accessTo(guest, asked.name, install, session);
    });
    const { command } = site;
    const { kernel, module: ofFirst } = built[0]!;
    const ofEditor = { host, kernel, module: ofFirst, sources, guests, command };
    const editor = new Editor("editor", ofEditor, parent);
    this.vms = pulumi.all(accesses);
    this.workspace = editor.workspace;
    this.registerOutputs({ vms: this.vms, webConsole: this.webConsole, workspace: this.workspace });
  }
}
