import * as pulumi from "@pulumi/pulumi";
import { script } from "../machine/script.ts";
import type { VirtualMachine } from "./virtual-machine.ts";

/** Debian packages that a guest needs to mount the sources, and to build the module and the tools. */
export const guestPackages: readonly string[] = ["gcc", "kmod", "libc6-dev", "libelf1", "make", "nfs-common", "sudo"];

/** Where packages are installed. */
export interface GuestPackagesArgs {
  /** The guest. */
  readonly guest: VirtualMachine;
  /** Names of Debian packages. Defaults to what mounting the sources and building module and tools takes. */
  readonly packages?: readonly string[];
}

/**
 * The packages of a guest. A guest without the internet has those of its image, and the archives to put them back.
 *
 * Source: guide, steps 6 and 7.
 */
export class GuestPackages extends pulumi.ComponentResource {
  constructor(name: string, args: GuestPackagesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:guest:GuestPackages", name, {}, opts);
    const { guest, packages = guestPackages } = args;
    guest.step(
      name,
      {
        title: "install the packages of the guest",
        script: script(import.meta.url, "packages.sh", { packages, fetch_namespace: undefined }),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    this.registerOutputs({});
  }
}
