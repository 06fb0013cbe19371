import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/host.ts";
import { script } from "../machine/script.ts";
import type { SourceTree } from "../sources/source-tree.ts";
import type { KernelConfig } from "./config.ts";
import type { Toolchain } from "./toolchain.ts";

export interface KernelBuildArgs {
  readonly host: Host;
  readonly source: SourceTree;
  readonly config: KernelConfig;
  /** How many compilers run at once. Defaults to the number of processors. */
  readonly jobs?: number;
}

/** A file of the package, whose `@names@` the step fills. */
const packaged = (file: string): string => readFileSync(new URL(`package/${file}`, import.meta.url), "utf8").trimEnd();

/**
 * A kernel, built out of tree on the host as the developer, with the package that guests install.
 *
 * Source: guide, step 9. Its release ends in `+duet-<commit>`. Errors: the compiler's first one, with the log.
 */
export class KernelBuild extends pulumi.ComponentResource {
  /** Absolute path of the build directory, which has vmlinux and vmlinux-gdb.py. */
  readonly build: string;
  /** Absolute path of the sources directory, below which all builds are. */
  readonly directory: string;
  /** With what it is built, and its modules. */
  readonly toolchain: Toolchain;
  /** Absolute path of the sources. */
  readonly tree: string;
  /** What `uname -r` says of this kernel. */
  readonly release: pulumi.Output<string>;
  /** The build id of vmlinux, in hex. */
  readonly buildId: pulumi.Output<string>;
  /** Absolute path of the Debian package. */
  readonly package: pulumi.Output<string>;

  constructor(name: string, args: KernelBuildArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:kernel:KernelBuild", name, {}, opts);
    const { host, source, config, jobs } = args;
    this.build = config.build;
    this.directory = config.hold.directory;
    this.toolchain = config.toolchain;
    this.tree = source.tree;
    const step = host.step(
      name,
      {
        title: "build the kernel",
        script: script(import.meta.url, "build.sh", {
          ...config.hold,
          ...config.toolchain,
          ...host.developer,
          stack: host.stack,
          tree: source.tree,
          sources: source.hash,
          configuration: config.hash,
          build: config.build,
          ccache: config.ccache,
          jobs,
          commit: source.commit,
          postinst: packaged("postinst"),
          postrm: packaged("postrm"),
          control: packaged("control"),
        }),
      },
      { parent: this },
    );
    this.release = step.result("release");
    this.buildId = step.result("build-id");
    this.package = step.result("package");
    this.registerOutputs({ release: this.release, buildId: this.buildId, package: this.package });
  }
}
