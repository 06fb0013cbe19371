import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/host.ts";
import { script } from "../machine/script.ts";

/** Of what a build root is made. */
export interface BuildRootArgs {
  /** The host that has it in its cache. */
  readonly host: Host;
  /** Name of a Debian suite: "bullseye". */
  readonly suite: string;
  /** URL of a mirror that has it. Defaults to mmdebstrap's own choice; an archived suite needs one. */
  readonly mirror?: string | undefined;
  /** Name of the file in the stack's folder of the state that says where it is. Defaults to "toolchain". */
  readonly note?: string | undefined;
}

/** What building a kernel takes in a suite of any age. */
const packages: readonly string[] = [
  "bc",
  "bison",
  "build-essential",
  "ccache",
  "cpio",
  "flex",
  "kmod",
  "libelf-dev",
  "libssl-dev",
  "xz-utils",
  "zstd",
];

/**
 * A Debian of its own on the host, with the compiler of its time, for kernels that today's does not build. It is in the
 * cache, made once for each suite and mirror, and stays there at destroy.
 *
 * Source: mmdebstrap(1). Errors: apt's first one.
 */
export class BuildRoot extends pulumi.ComponentResource {
  /** Absolute path of it. */
  readonly path: pulumi.Output<string>;

  constructor(
    name: string,
    { host, suite, mirror, note = "toolchain" }: BuildRootArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("duet:kernel:BuildRoot", name, {}, opts);
    const key = createHash("sha256")
      .update(JSON.stringify([suite, mirror, packages]))
      .digest("hex");
    const step = host.root.step(
      name,
      {
        title: `make a build root of ${suite}`,
        script: script(import.meta.url, "build-root.sh", {
          suite,
          mirror,
          packages,
          target: `${host.cache}/build-root/${suite}-${key.slice(0, 8)}`,
          // The cache is the developer's to delete.
          owner: host.isOfPerson ? `${host.developer.uid}:${host.developer.gid}` : "",
          noted: `${host.stateFolder}/${note}`,
          fetch_namespace: host.fetchNamespace,
        }),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    this.path = step.result("root");
    this.registerOutputs({ path: this.path });
  }
}
