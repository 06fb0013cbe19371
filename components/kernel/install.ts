import * as pulumi from "@pulumi/pulumi";
import { ownKernelStylesheet } from "../guest/definition.ts";
import type { VirtualMachine } from "../guest/virtual-machine.ts";
import { script } from "../machine/script.ts";
import type { KernelBuild } from "./build.ts";
import { grubSettings } from "./grub.ts";

/** What is installed where. */
export interface KernelInstallArgs {
  /** The guest that is to run it. */
  readonly guest: VirtualMachine;
  /** The kernel, as it was built. */
  readonly kernel: KernelBuild;
}

/**
 * Installs a kernel in a guest and has the guest run it. The old kernel stays as the fallback.
 *
 * Source: guide, step 10.
 */
export class KernelInstall extends pulumi.ComponentResource {
  /** What `uname -r` says in the guest, once it runs the kernel. */
  readonly release: pulumi.Output<string>;

  constructor(name: string, args: KernelInstallArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:kernel:KernelInstall", name, {}, opts);
    const { guest, kernel } = args;
    const install = guest.step(
      `${name}-package`,
      {
        title: `install the kernel in ${guest.name}`,
        script: script(import.meta.url, "install.sh", {
          packages: kernel.packages,
          grub_settings: grubSettings,
          fetch_namespace: undefined,
        }),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    const boot = guest.step(
      `${name}-boot`,
      {
        title: `run the kernel in ${guest.name}`,
        script: script(import.meta.url, "boot.sh", {
          uri: guest.host.uri,
          guest: guest.name,
          ssh: guest.ssh,
          console: guest.consoleLog,
          release: kernel.release,
          build_id: kernel.buildId,
          packages: kernel.packages,
          kernel_stylesheet: ownKernelStylesheet,
          ...guest.symbols,
          ...guest.crashes,
          ...guest.host.developer,
          timeout: guest.bootTimeout,
        }),
        across: guest.ssh,
      },
      { parent: this, dependsOn: [install.resource] },
    );
    this.release = boot.result("running");
    this.registerOutputs({ release: this.release });
  }
}
