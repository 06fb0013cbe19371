import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { VirtualMachine } from "../guest/virtual-machine.ts";
import type { Host } from "../host/host.ts";
import type { KernelBuild } from "../kernel/build.ts";
import { hostToolchain } from "../kernel/toolchain.ts";
import { script } from "../machine/script.ts";
import type { Step } from "../machine/step.ts";
import type { SourceTree } from "../sources/source-tree.ts";

/** What a module is built from, and for what. */
export interface DuetModuleArgs {
  /** The host that has the sources. */
  readonly host: Host;
  /** The module's sources, at a path that the host and every guest share. */
  readonly source: SourceTree;
  /** The kernel that it is for: another build of it builds, installs and loads the module again. */
  readonly kernel: KernelBuild;
  /** By what the steps that load it are called, if there is one for each of several kernels. Defaults to its own name. */
  readonly loadedAs?: string | undefined;
  /** Name of the module, whose file is `NAME.ko`; a hyphen is as good as an underscore. Defaults to "duet". */
  readonly name?: string | undefined;
  /**
   * Who builds: the first guest into which it is loaded, as the guide has it, or the host, with the compiler that has
   * built the kernel. Without KVM a guest takes ten times as long. Defaults to "guest", and to "host" if the kernel has a
   * toolchain of its own, or BTF: a guest has no other compiler, and no pahole.
   */
  readonly build?: "guest" | "host" | undefined;
  /** Whether it is built as `make debug` builds it, with DUET_DEBUG defined. Defaults to false. */
  readonly debug?: boolean | undefined;
  /**
   * Seconds that it has to live after a load before a boot of its guest loads it: a guest that went down before is
   * reachable without it. Defaults to 60.
   */
  readonly probation?: number | undefined;
}

/**
 * The folder below which the object of a module is: its sources, as make has it; or, for one of several kernels, a folder
 * of that kernel's build.
 *
 * @param tree absolute path of its sources
 */
export function moduleObjects(
  tree: string,
  { kernel, build }: { readonly kernel: string | undefined; readonly build: string },
): string {
  // Other stacks may have other trees for the same kernel.
  const key = createHash("sha256").update(tree).digest("hex").slice(0, 8);
  return kernel === undefined ? tree : `${build}/duet-module.${key}`;
}

/** The unit that loads it at each boot, whose `@file@` the step fills. */
const unit = readFileSync(new URL("duet-module.service", import.meta.url), "utf8").trimEnd();

/**
 * The Duet module: built once, at the path that host and guests share; installed and loaded in each guest, and again at
 * each of its boots, unless the last load took the guest down.
 *
 * Source: guide, step 12. Errors: the compiler's first one; the kernel for which the module was built, if another runs;
 * the symbol that the kernel lacks; the program that holds the module, if it is to be replaced.
 */
export class DuetModule extends pulumi.ComponentResource {
  /** Absolute path of its sources. */
  readonly tree: string;
  /** Absolute path of the folder below which its object is. */
  readonly objects: string;
  /** Name of the module. */
  readonly moduleName: string;
  readonly #args: DuetModuleArgs;
  readonly #name: string;
  #built: Step | undefined;
  #buildCommand: pulumi.Output<readonly string[]> | undefined;

  constructor(name: string, args: DuetModuleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:duet:DuetModule", name, {}, opts);
    this.tree = args.source.tree;
    this.moduleName = args.name ?? "duet";
    this.objects = moduleObjects(args.source.tree, args.kernel);
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
    const { kernel, probation = 60, loadedAs = this.#name } = this.#args;
    const module = this.moduleName;
    const built = this.#build(guest, opts);
    const dependsOn = pulumi.output(opts.dependsOn).apply((others) => [others ?? [], built.resource].flat());
    const step = guest.step(
      `${loadedAs}-${guest.id}`,
      {
        title: `load module ${module}`,
        script: script(import.meta.url, "module-load.sh", {
          ...this.#args.host.developer,
          objects: this.objects,
          kernel_tree: kernel.tree,
          module,
          unit,
          probation,
          build_id: built.result("build-id"),
          kernel: kernel.buildId,
        }),
      },
      { ...opts, parent: this, dependsOn },
    );
    return { buildId: step.result("build-id"), resource: step.resource };
  }

  /** The build id of its object. @throws if it is loaded nowhere, and so not built */
  get buildId(): pulumi.Output<string> {
    return this.#required(this.#built).result("build-id");
  }

  /** Words of the command that builds it by hand, from any shell of the host. @throws if it is not built */
  get buildCommand(): pulumi.Output<readonly string[]> {
    return this.#required(this.#buildCommand);
  }

  #required<T>(built: T | undefined): T {
    if (built === undefined) {
      throw new Error(`cannot tell how module ${this.moduleName} is built: no guest loads it; have one do so`);
    }
    return built;
  }

  #build(guest: VirtualMachine, opts: pulumi.CustomResourceOptions): Step {
    const { host, source, kernel, debug = false, build = kernel.modulesBy } = this.#args;
    const module = this.moduleName;
    const name = `${this.#name}-build`;
    this.#buildCommand ??=
      build === "host"
        ? pulumi.output(["bash", host.fileOf(name), "create"])
        : guest.ssh.apply((ssh) => [...host.enter, ...ssh, "bash", guest.fileOf(name), "create"]);
    this.#built ??= (build === "host" ? host : guest).step(
      name,
      {
        title: `build module ${module}`,
        script: script(import.meta.url, "module-build.sh", {
          ...host.developer,
          ...source.toMake,
          ...(build === "host" ? kernel.toolchain : hostToolchain),
          directory: kernel.directory,
          build: kernel.build,
          objects: this.objects,
          module,
          debug: debug ? "yes" : "",
          kernel: kernel.buildId,
        }),
      },
      { ...(build === "host" ? {} : opts), parent: this },
    );
    return this.#built;
  }
}

/** A module that is loaded in one guest. */
export interface LoadedModule {
  /** The build id that is loaded, in hexadecimal. */
  readonly buildId: pulumi.Output<string>;
  /** For `dependsOn`. */
  readonly resource: pulumi.Resource;
}
