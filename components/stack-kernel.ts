import type * as pulumi from "@pulumi/pulumi";
import { DuetModule, moduleObjects } from "./duet/module.ts";
import type { Symbols } from "./guest/symbols.ts";
import type { VirtualMachine } from "./guest/virtual-machine.ts";
import type { Host } from "./host/host.ts";
import { type Boot, KernelBuild } from "./kernel/build.ts";
import { KernelConfig } from "./kernel/config.ts";
import { Perf, perfSource } from "./kernel/perf.ts";
import { type Toolchain, toolchainOf } from "./kernel/toolchain.ts";
import { kernelBuildFolder, ofKernel } from "./names.ts";
import type { Site, SiteKernel } from "./site.ts";
import { SourceTree } from "./sources/source-tree.ts";
import type { Spec } from "./spec.ts";
import { type KernelSpec, kernelFor } from "./spec-kernel.ts";

/** What the kernels of a stack are made from. */
export interface StackKernelsArgs {
  readonly host: Host;
  readonly spec: Spec;
  readonly site: Site;
  /** The sources of the module, which is built for each kernel. */
  readonly module: SourceTree;
  /** Options of sources: what has to be there before they are brought. */
  readonly afterPlace: pulumi.ComponentResourceOptions;
}

/** A kernel of a stack before its guests are there: where it is to be found, and what it is made of. */
export interface StackKernel {
  /** Undefined for the only one. */
  readonly name: string | undefined;
  readonly asked: KernelSpec;
  readonly fragments: SiteKernel["fragments"];
  readonly source: SourceTree;
  /** Where its symbols are to be. */
  readonly symbols: Symbols;
}

/** What is built for guests that run one of the kernels. */
export interface BuiltKernel {
  /** Undefined for the only one. */
  readonly name: string | undefined;
  readonly asked: KernelSpec;
  readonly source: SourceTree;
  readonly config: KernelConfig;
  readonly kernel: KernelBuild;
  readonly module: DuetModule;
  /** Undefined if nobody asks for it. */
  readonly perf: Perf | undefined;
}

/** The kernels of a stack. Those without sources of their own have one tree. */
export function stackKernels({ host, spec, site, module, afterPlace }: StackKernelsArgs): readonly StackKernel[] {
  const { directory } = spec.sources;
  const bring = (kernel: string | undefined, source: Site["sources"]["kernel"]): SourceTree =>
    new SourceTree(
      `${ofKernel("kernel", kernel)}-source`,
      { host, role: ofKernel("duet-kernel", kernel), source, directory },
      afterPlace,
    );
  const isShared = site.kernels.some(({ source }) => source === undefined);
  const shared = isShared ? bring(undefined, site.sources.kernel) : undefined;
  return spec.kernels.map((asked) => {
    const { name } = asked;
    const { source: own, fragments } = kernelFor({ kernel: name }, site.kernels);
    const source = (own === undefined ? shared : undefined) ?? bring(name, own ?? site.sources.kernel);
    const build = kernelBuildFolder(directory, name);
    const modules = moduleObjects(module.tree, { kernel: name, build });
    return { name, asked, fragments, source, symbols: { tree: source.tree, build, modules } };
  });
}

/**
 * Builds each kernel, and what is built for it.
 *
 * @param guests in the order of the spec: the first that runs a kernel is asked for its configuration and its modules
 * @param opts of each part
 * @param packages what has to be there before a build root is made
 */
export function buildKernels(
  kernels: readonly StackKernel[],
  { host, spec, module }: StackKernelsArgs,
  guests: readonly VirtualMachine[],
  opts: pulumi.ComponentResourceOptions,
  packages: pulumi.Resource,
): readonly BuiltKernel[] {
  const { directory } = spec.sources;
  // Kernels of one suite have one build root.
  const toolchains = new Map<string, Toolchain>();
  return kernels.map(({ name, asked, fragments, source }) => {
    const key = JSON.stringify(asked.toolchain);
    const toolchain = toolchains.get(key) ?? toolchainOf(asked.toolchain, host, { ...opts, dependsOn: packages }, name);
    toolchains.set(key, toolchain);
    const id = ofKernel("kernel", name);
    const ran = spec.vms.map((vm) => kernelFor(vm, kernels).name === name);
    const boots = spec.vms.flatMap(({ boot = asked.boot }, at): readonly Boot[] => (ran[at] ? [boot] : []));
    const guest = guests.find((_, at) => ran[at]);
    const { base, localmodconfig } = asked;
    const config = new KernelConfig(
      `${id}-config`,
      { host, source, directory, kernel: name, base, localmodconfig, fragments, toolchain, guest },
      opts,
    );
    const kernel = new KernelBuild(id, { host, source, config, packages: asked.packages, boots }, opts);
    const built = new DuetModule(
      ofKernel("module", name),
      { host, source: module, kernel, loadedAs: "module", ...spec.module },
      opts,
    );
    const from = perfSource(spec.tools.perf, asked.toolchain);
    const ofPerf = { host, source, config, kernel, module: built.moduleName, installedAs: "perf" };
    const perf = from && new Perf(ofKernel("perf", name), { ...ofPerf, from }, opts);
    return { name, asked, source, config, kernel, module: built, perf };
  });
}
