import * as libvirt from "@pulumi/libvirt";
import * as pulumi from "@pulumi/pulumi";
import { DebugSession } from "./debug/debug-session.ts";
import type { DuetGuest } from "./duet/duet-guest.ts";
import { DuetModule } from "./duet/duet-module.ts";
import { DuetTools } from "./duet/duet-tools.ts";
import { Account } from "./guest/account.ts";
import { GuestPackages } from "./guest/guest-packages.ts";
import { Image, type ImageSource } from "./guest/image.ts";
import { NfsMount } from "./guest/nfs-mount.ts";
import { type Accelerator, VirtualMachine } from "./guest/virtual-machine.ts";
import type { Developer } from "./host/developer.ts";
import { GdbAccess } from "./host/gdb-access.ts";
import { buildPackages, HostPackages } from "./host/host-packages.ts";
import { Network } from "./host/network.ts";
import { NfsExport, nfsPackages, nfsServer } from "./host/nfs-export.ts";
import { KernelBuild } from "./kernel/kernel-build.ts";
import { type Fragment, KernelConfig } from "./kernel/kernel-config.ts";
import { KernelInstall } from "./kernel/kernel-install.ts";
import { type Source, SourceTree } from "./kernel/source-tree.ts";
import { Machine } from "./machine/machine.ts";
import { sh } from "./machine/shell.ts";
import type { Spec, VirtualMachineSpec } from "./spec.ts";

/** What a spec does not say: the host on which it is to stand. Entry points find it out, components never do. */
export interface Site {
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
  /** The host's developer, and the home directory of whoever runs gdb. */
  readonly developer: Developer;
  readonly home: string;
  readonly image: ImageSource;
  /** What is laid over the base of the kernel's configuration, read from where the spec says. */
  readonly fragments: readonly Fragment[];
  /** The sources, with absolute paths. */
  readonly sources: { readonly kernel: Source; readonly module: Source; readonly tools: Source };
}

export interface DuetEnvironmentArgs {
  /** The checked spec. */
  readonly spec: Spec;
  /** Name of the stack. */
  readonly stack: string;
  readonly site: Site;
}

/** How to work with one guest; both commands work as printed, from any shell of the host. */
export interface GuestAccess {
  readonly name: string;
  readonly address: string;
  readonly gdbPort: number;
  readonly kernelRelease: string;
  readonly sshCommand: string;
  readonly gdbCommand: string;
}

/**
 * All of it: a host that serves the sources, and guests that run the Duet kernel under a gdb stub, with the module
 * loaded and the tools installed, proven debuggable.
 *
 * Source: the guide, steps 1 and 3 to 14, in the order in which they converge.
 */
export class DuetEnvironment extends pulumi.ComponentResource {
  /** One entry a guest, in the order of the spec. */
  readonly vms: pulumi.Output<readonly GuestAccess[]>;

  readonly #args: DuetEnvironmentArgs;
  readonly #host: Machine;
  /** What every part of the environment has in common, and what those have that libvirt makes. */
  readonly #parent: pulumi.ComponentResourceOptions;
  readonly #libvirtParent: pulumi.ComponentResourceOptions;

  constructor(name: string, args: DuetEnvironmentArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:index:DuetEnvironment", name, {}, opts);
    this.#args = args;
    const { spec, stack, site } = args;
    const { uri, leases, developer, stateFolder, fetchNamespace } = site;
    const provider = new libvirt.Provider(`${name}-libvirt`, { uri }, { parent: this });
    const parent = { parent: this };
    this.#parent = parent;
    // Not for all: whatever has a provider waits until that has been started.
    this.#libvirtParent = { parent: this, providers: [provider] };
    const directory = spec.sources.directory;
    const build = `${directory}/build/duet-kernel`;
    const ccache = `${directory}/build/ccache`;
    const host = new Machine("host", { records: `${stateFolder}/steps` }, { parent: this });
    this.#host = host;

    const server = nfsServer(spec.host.nfsServer, spec.host.sandbox);
    const packages = new HostPackages(
      "host-packages",
      {
        host,
        uid: developer.uid,
        // Nobody but root reaches the embedded host.
        ...(spec.host.sandbox ? { groups: [] } : {}),
        joined: `${stateFolder}/groups`,
        packages: [...buildPackages, ...nfsPackages(server)],
        fetchNamespace,
      },
      parent,
    );
    const [kernelSource, moduleSource, toolsSource] = (["kernel", "module", "tools"] as const).map(
      (role) =>
        new SourceTree(
          `${role}-source`,
          {
            host,
            role: `duet-${role}`,
            source: site.sources[role],
            directory,
            developer,
            cache: site.cache,
            owner: stack,
            fetchNamespace,
          },
          { ...parent, dependsOn: packages },
        ),
    ) as [SourceTree, SourceTree, SourceTree];

    const network = new Network("network", { host, leases, stack }, this.#libvirtParent);
    const image = new Image("image", { host, uri, stack, source: site.image, fetchNamespace }, this.#libvirtParent);
    const guests = spec.vms.map((vm, index) => this.#guest(vm, index, network, image));
    const [firstGuest] = guests as [VirtualMachine, ...VirtualMachine[]];

    const nfs = new NfsExport(
      "nfs-export",
      {
        host,
        stack,
        directory,
        server,
        stateFolder,
        address: network.hostAddress,
        clients: guests.map((guest) => guest.address),
        dependsOn: [packages, kernelSource, moduleSource, toolsSource, network],
      },
      parent,
    );
    const config = new KernelConfig(
      "kernel-config",
      {
        host,
        developer,
        source: kernelSource,
        build,
        ccache,
        directory,
        owner: stack,
        base: spec.kernel.base,
        localmodconfig: spec.kernel.localmodconfig,
        fragments: site.fragments,
        guest: firstGuest.machine,
      },
      parent,
    );
    const kernel = new KernelBuild("kernel", { host, developer, source: kernelSource, build, config, ccache }, parent);
    const auto = new GdbAccess("gdb-access", { host, home: site.home, stack, directory }, parent);

    const installs = spec.vms.map((vm, index) => this.#install(vm, guests[index] as VirtualMachine, nfs, kernel));
    const ready = installs.map(({ duetGuest }) => duetGuest) as [DuetGuest, ...DuetGuest[]];
    const module = new DuetModule(
      "module",
      {
        directory: moduleSource.directory,
        buildDirectory: build,
        module: spec.module.name,
        sources: moduleSource.hash,
        kernel: kernel.buildId,
        developer,
        guests: ready,
        ...(spec.module.build === "host" ? { host } : {}),
      },
      parent,
    );
    new DuetTools(
      "tools",
      {
        directory: toolsSource.directory,
        sources: toolsSource.hash,
        developer,
        guests: ready.map((guest) => ({
          ...guest,
          dependsOn: [...guest.dependsOn, module.loaded[guest.name] as pulumi.Resource],
        })) as unknown as [DuetGuest, ...DuetGuest[]],
      },
      parent,
    );

    const accesses = spec.vms.map((vm, index) => {
      const guest = guests[index] as VirtualMachine;
      const session = new DebugSession(
        `${vm.name}-debug`,
        {
          host,
          uri,
          domain: vm.name,
          gdbPort: guest.gdbPort,
          directory,
          buildDirectory: build,
          moduleDirectory: moduleSource.directory,
          ...(spec.module.breakpoint === undefined ? {} : { functionName: spec.module.breakpoint }),
          builds: pulumi.all([kernel.buildId, module.buildId]).apply((builds) => builds),
          commandFile: `${stateFolder}/${vm.name}.gdb`,
          dependsOn: [module.loaded[vm.name] as pulumi.Resource, auto],
        },
        parent,
      );
      return pulumi
        .all([guest.address, guest.gdbPort, installs[index]?.release ?? "", guest.ssh, session.commandFile])
        .apply(
          ([address, gdbPort, kernelRelease, ssh, commandFile]): GuestAccess => ({
            name: vm.name,
            address,
            gdbPort,
            kernelRelease,
            sshCommand: commandLine([...site.enter, ...ssh]),
            gdbCommand: commandLine([...site.enter, "gdb", "-x", commandFile]),
          }),
        );
    });
    this.vms = pulumi.all(accesses);
    this.registerOutputs({ vms: this.vms });
  }

  #guest(vm: VirtualMachineSpec, index: number, network: Network, image: Image): VirtualMachine {
    const { stack, site } = this.#args;
    return new VirtualMachine(
      vm.name,
      {
        host: this.#host,
        uri: site.uri,
        stack,
        hostname: vm.name,
        memory: vm.memory,
        vcpus: vm.vcpus,
        disk: vm.disk,
        ...(vm.gdbPort === undefined ? {} : { gdbPort: vm.gdbPort }),
        accelerator: site.accelerator,
        network,
        image,
        index,
        stateFolder: site.stateFolder,
        leases: site.leases,
        consoleLogs: site.consoleLogs,
        consoleLogsHere: site.consoleLogsHere,
      },
      this.#libvirtParent,
    );
  }

  /** Brings one guest to the point where it runs the Duet kernel, with the sources mounted as the developer's. */
  #install(
    vm: VirtualMachineSpec,
    guest: VirtualMachine,
    nfs: NfsExport,
    kernel: KernelBuild,
  ): { readonly duetGuest: DuetGuest; readonly release: pulumi.Output<string> } {
    const { spec, stack, site } = this.#args;
    const parent = this.#parent;
    const packages = new GuestPackages(`${vm.name}-packages`, { guest: guest.machine }, parent);
    const account = new Account(
      `${vm.name}-account`,
      {
        guest: guest.machine,
        user: spec.developer.user,
        uid: site.developer.uid,
        gid: site.developer.gid,
        conflict: spec.developer.conflict,
        dependsOn: [packages.resource],
      },
      parent,
    );
    const mount = new NfsMount(
      `${vm.name}-mount`,
      {
        guest: guest.machine,
        stack,
        source: nfs.mountSource,
        directory: spec.sources.directory,
        dependsOn: [packages.resource, nfs.served],
      },
      parent,
    );
    const install = new KernelInstall(
      `${vm.name}-kernel`,
      {
        uri: site.uri,
        domain: vm.name,
        guest,
        kernel,
        dependsOn: [mount.mounted],
      },
      parent,
    );
    return {
      duetGuest: {
        name: vm.name,
        machine: guest.machine,
        dependsOn: [account.made, mount.mounted, install.resource],
      },
      release: install.release,
    };
  }
}

/** A command as a person would type it. */
function commandLine(words: readonly string[]): string {
  return sh`${words}`.shell;
}
