import * as pulumi from "@pulumi/pulumi";
import type { Machine } from "../machine/machine.ts";
import { installPackages, packageFacts, packageList } from "../machine/packages.ts";
import { sinceRecord } from "../machine/since-record.ts";

/** Debian packages that a guest needs to mount the sources, and to build the module and the tools. */
export const guestPackages: readonly string[] = ["gcc", "kmod", "libc6-dev", "libelf1", "make", "nfs-common", "sudo"];

export interface GuestPackagesArgs {
  readonly guest: Machine;
  /** Names of Debian packages. Defaults to what building the module and the tools takes. */
  readonly packages?: readonly string[];
}

/**
 * The packages of a guest. A guest without the internet has those of its image, and the archives to put them back.
 *
 * Source: guide, steps 6 and 7.
 */
export class GuestPackages extends pulumi.ComponentResource {
  /** For `dependsOn`. */
  readonly resource: pulumi.Resource;

  constructor(name: string, args: GuestPackagesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:guest:GuestPackages", name, {}, opts);
    const packages = args.packages ?? guestPackages;
    const step = args.guest.step(
      name,
      {
        title: "install the packages of the guest",
        create: installPackages(packages),
        facts: sinceRecord(packages.map(packageList), packageFacts(packages)),
      },
      { parent: this },
    );
    this.resource = step.resource;
    this.registerOutputs({});
  }
}
