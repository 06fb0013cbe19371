import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/host.ts";
import { script } from "../machine/script.ts";

export interface SourcesDirectoryArgs {
  readonly host: Host;
  /** Absolute path of the sources directory. */
  readonly directory: string;
}

/**
 * The sources directory, made by root for the developer. Only for a host on which Pulumi does not run as root: root
 * makes what is missing by the way.
 *
 * Source: guide, step 3. Errors: a directory that is somebody else's; a disk that is not mounted.
 */
export class SourcesDirectory extends pulumi.ComponentResource {
  constructor(name: string, args: SourcesDirectoryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:sources:SourcesDirectory", name, {}, opts);
    const { host, directory } = args;
    host.root.step(
      name,
      {
        title: `make ${directory}`,
        script: script(import.meta.url, "directory.sh", { directory, fstab: "/etc/fstab", ...host.developer }),
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
