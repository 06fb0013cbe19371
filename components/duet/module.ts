import * as pulumi from "@pulumi/pulumi";
import type { VirtualMachine } from "../guest/virtual-machine.ts";
import type { Host } from "../host/host.ts";
import type { KernelBuild } from "../kernel/build.ts";
import { script } from "../machine/script.ts";
import type { Step } from "../machine/step.ts";
import type { SourceTree } from "../sources/source-tree.ts";

export interface DuetModuleArgs {
  readonly host: Host;
  /** The module's sources, at a path that the host and every guest share. */
  readonly source: SourceTree;
  /** The kernel that it is for: another build of it builds, installs and loads the module again. */
  readonly kernel: KernelBuild;
  /** Name of the module, whose file is `NAME.ko`; a hyphen is as good as an underscore. Defaults to "duet". */
  readonly module?: string | undefined;
  /**
   * Who builds: the first guest into which it is loaded, as the guide has it, or the host, with the compiler that has
   * built the kernel. Without KVM a guest takes ten times as long. Defaults to "guest".
   */
  readonly buildOn?: "guest" | "host" | undefined;
}

/**
 * The Duet module: built once, at the path that host and guests share; installed and loaded in each guest, and again at
 * each of its boots.
 *
 * Source: guide, step 12. Errors: the compiler's first one; the kernel for which the module was built, if another runs;
 * the symbol that the kernel lacks; the program that holds the module, if it is to be replaced.
 */
export class DuetModule extends pulumi.ComponentResource {
  /** Absolute path of its sources and its object. */
  readonly tree: string;
  readonly #args: DuetModuleArgs;
  readonly #name: string;
  #built: Step | undefined;

  constructor(name: string, args: DuetModuleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:duet:DuetModule", name, {}, opts);
    this.tree = args.source.tree;
    this.#args = args;
    this.#name = name;
    this.registerOutputs({});
  }

  /**
   * Builds the module, unless that was asked for before, and has it loaded in a guest.
   *
   * @param opts what has to be there first: the guest's kernel and its mount
   * @returns the build id that is loaded then, and the resource after which it is
   */
  loadIn(guest: VirtualMachine, opts: pulumi.CustomResourceOptions): LoadedModule {
    const { kernel, module = "duet" } = this.#args;
    const built = this.#build(guest, opts);
    const dependsOn = pulumi.output(opts.dependsOn).apply((others) => [others ?? [], built.resource].flat());
    const step = guest.step(
      `${this.#name}-${guest.id}`,
      {
        title: `load module ${module}`,
        script: script(import.meta.url, "module-load.sh", {
          ...this.#args.host.developer,
          tree: this.tree,
          kernel_tree: kernel.tree,
          module,
          build_id: built.result("build-id"),
          kernel: kernel.buildId,
        }),
      },
      { ...opts, parent: this, dependsOn },
    );
    return { buildId: step.result("build-id"), resource: step.resource };
  }

  #build(guest: VirtualMachine, opts: pulumi.CustomResourceOptions): Step {
    const { host, source, kernel, module = "duet", buildOn = "guest" } = this.#args;
    this.#built ??= (buildOn === "host" ? host : guest).step(
      `${this.#name}-build`,
      {
        title: `build module ${module}`,
        script: script(import.meta.url, "module-build.sh", {
          ...host.developer,
          tree: source.tree,
          build: kernel.build,
          module,
          sources: source.hash,
          kernel: kernel.buildId,
        }),
      },
      { ...(buildOn === "host" ? {} : opts), parent: this },
    );
    return this.#built;
  }
}

/** A module that is loaded in one guest. */
export interface LoadedModule {
  readonly buildId: pulumi.Output<string>;
  /** For `dependsOn`. */
  readonly resource: pulumi.Resource;
}
