import * as pulumi from "@pulumi/pulumi";
import { script } from "../machine/script.ts";
import type { Host } from "./host.ts";

/** Where the system's libvirt listens. */
const libvirtSocket = "/run/libvirt/libvirt-sock";

/** What a host is given. */
export interface HostPackagesArgs {
  /** The host. */
  readonly host: Host;
  /** Names of Debian packages. */
  readonly packages: readonly string[];
  /** Groups that the developer joins, those of them that there are. Defaults to kvm and libvirt. */
  readonly groups?: readonly string[];
}

/**
 * The packages of the host, QEMU and libvirt among them, and the developer's membership in kvm and libvirt. Packages
 * stay at destroy.
 *
 * Source: guide, steps 1 and 7. Errors: no apt-get; the first error of apt; a libvirt that does not answer.
 */
export class HostPackages extends pulumi.ComponentResource {
  /** URI of libvirt, known once libvirt is there: nothing dials it before. */
  readonly uri: pulumi.Output<string>;

  constructor(name: string, args: HostPackagesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:host:HostPackages", name, {}, opts);
    const { host, packages, groups = ["kvm", "libvirt"] } = args;
    const step = host.root.step(
      name,
      {
        title: "install the packages of the host",
        script: script(import.meta.url, "packages.sh", {
          packages,
          groups,
          uid: host.developer.uid,
          joined: `${host.rootFolder}/groups`,
          sockets: host.isOfPerson ? [libvirtSocket] : [],
          uri: host.uri,
          fetch_namespace: host.fetchNamespace,
        }),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    // Not its output: that is unknown while packages are to be installed again.
    this.uri = step.resource.id.apply(() => host.uri);
    this.registerOutputs({ uri: this.uri });
  }
}
