import * as pulumi from "@pulumi/pulumi";
import type { VirtualMachine } from "../guest/virtual-machine.ts";
import type { Host } from "../host/host.ts";
import { script } from "../machine/script.ts";
import type { SourceTree } from "../sources/source-tree.ts";
import type { KernelBuild } from "./build.ts";
import type { KernelConfig } from "./config.ts";
import type { ToolchainSource } from "./toolchain.ts";

/** Where perf comes from: the kernel's own sources, or the newest package of the guest's distribution. */
export type PerfSource = "source" | "package";

/** From what perf is made. */
export interface PerfArgs {
  /** The host that builds it. */
  readonly host: Host;
  /** The kernel's sources, of which perf is a part. */
  readonly source: SourceTree;
  /** The configuration of the kernel, in whose build folder perf is built. */
  readonly config: KernelConfig;
  /** The kernel whose symbols perf is to find. */
  readonly kernel: KernelBuild;
  /** Name of the Duet module, whose symbols perf is to find. */
  readonly module: string;
  /** Where it comes from. */
  readonly from: PerfSource;
  /** By what the steps that install it are called, if there is one for each of several kernels. Defaults to its own name. */
  readonly installedAs?: string | undefined;
}

/** Where it comes from if nobody says so: a toolchain that is not the host's has not the libraries. */
export function perfSource(asked: PerfSource | boolean, toolchain: ToolchainSource): PerfSource | undefined {
  if (asked === true) {
    return toolchain === "host" ? "source" : "package";
  }
  return asked || undefined;
}

/**
 * perf, built once on the host if it is of the kernel's sources, and installed in each guest as /usr/local/bin/perf; with
 * the symbols of kernel and module where it looks for them.
 *
 * Source: guide, "Using perf with Duet". Errors: the compiler's first one; a library that is not there; a kernel without
 * PERF_EVENTS.
 */
export class Perf extends pulumi.ComponentResource {
  readonly #args: PerfArgs;
  readonly #name: string;
  /** Absolute path of the program that was built, and what tells it from others. Empty for a package. */
  readonly #built: { readonly program: string; readonly built: pulumi.Input<string> };

  constructor(name: string, args: PerfArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:kernel:Perf", name, {}, opts);
    this.#args = args;
    this.#name = name;
    this.#built = args.from === "source" ? this.#build() : { program: "", built: "" };
    this.registerOutputs({});
  }

  /**
   * Installs it in a guest.
   *
   * @param opts what has to be there first: the kernel that runs, the account and the mount
   */
  installIn(guest: VirtualMachine, opts: pulumi.CustomResourceOptions): pulumi.Resource {
    const { kernel, module, installedAs = this.#name } = this.#args;
    return guest.step(
      `${installedAs}-${guest.id}`,
      {
        title: "install perf",
        script: script(import.meta.url, "perf-install.sh", {
          ...guest.host.developer,
          ...this.#built,
          release: kernel.release,
          build: kernel.build,
          module,
          fetch_namespace: undefined,
        }),
      },
      { ...opts, parent: this },
    ).resource;
  }

  /** After the kernel, in whose build directory it is: one make at a time works there. */
  #build() {
    const { host, source, config, kernel } = this.#args;
    const step = host.step(
      `${this.#name}-build`,
      {
        title: "build perf",
        script: script(import.meta.url, "perf-build.sh", {
          ...config.hold,
          ...config.toolchain,
          ...host.developer,
          stack: host.stack,
          tree: source.tree,
          sources: source.hash,
          commit: source.commit,
          build: config.build,
          ccache: config.ccache,
        }),
      },
      { parent: this, dependsOn: kernel },
    );
    return { program: `${config.build}/tools/perf/perf`, built: step.result("perf") };
  }
}
