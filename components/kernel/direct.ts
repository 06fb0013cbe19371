import * as pulumi from "@pulumi/pulumi";
import { ownKernelStylesheet } from "../guest/definition.ts";
import type { VirtualMachine } from "../guest/virtual-machine.ts";
import { script } from "../machine/script.ts";
import type { KernelBuild } from "./build.ts";
import { bootParameters } from "./grub.ts";

/** What boots where. */
export interface DirectKernelArgs {
  /** The guest that is to run it. */
  readonly guest: VirtualMachine;
  /** The kernel, as it was built for guests that boot it directly. */
  readonly kernel: KernelBuild;
}

/**
 * Has libvirt boot a kernel in a guest, from the build: no package, no boot loader, no initial RAM disk. The kernel that
 * came up last stays as the fallback.
 *
 * Source: guide, step 10; libvirt, "Direct kernel boot".
 */
export class DirectKernel extends pulumi.ComponentResource {
  /** What `uname -r` says in the guest, once it runs the kernel. */
  readonly release: pulumi.Output<string>;

  constructor(name: string, { guest, kernel }: DirectKernelArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:kernel:DirectKernel", name, {}, opts);
    if (kernel.modules === undefined) {
      throw new Error(`cannot boot ${name} directly: its kernel is built for guests that install it; pass boots`);
    }
    const { host } = guest;
    const built = { release: kernel.release, build: kernel.build, build_id: kernel.buildId };
    const given = {
      uri: host.uri,
      guest: guest.name,
      ssh: guest.ssh,
      console: guest.consoleLog,
      pool: guest.pool,
      parameters: bootParameters,
      kernel_stylesheet: ownKernelStylesheet,
      ...built,
      tree: guest.symbols.tree,
      modules: guest.symbols.modules,
      ...host.developer,
    };
    const modules = guest.step(
      `${name}-modules`,
      {
        title: `bring the kernel's modules into ${guest.name}`,
        script: script(import.meta.url, "direct-modules.sh", { ...built, packed: kernel.modules, ...host.developer }),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    const boot = guest.step(
      `${name}-direct`,
      {
        title: `run the kernel in ${guest.name}`,
        script: script(import.meta.url, "direct-boot.sh", { ...given, ...guest.crashes, timeout: guest.bootTimeout }),
        across: guest.ssh,
      },
      { parent: this, dependsOn: [modules.resource] },
    );
    const lasting = host.step(
      `${name}-default`,
      {
        title: `have ${guest.name} boot that kernel`,
        script: script(import.meta.url, "direct-default.sh", { ...given, uuid: guest.definition.uuid ?? "" }),
      },
      { parent: this, dependsOn: [boot.resource] },
    );
    // Whoever has the release may rely on all of it.
    this.release = pulumi.all([boot.result("running"), lasting.stdout]).apply(([release]) => release);
    this.registerOutputs({ release: this.release });
  }
}
