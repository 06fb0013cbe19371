import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { VirtualMachine } from "../guest/virtual-machine.ts";
import type { Host } from "../host/host.ts";
import { script } from "../machine/script.ts";
import { kernelBuildFolder, ofKernel } from "../names.ts";
import type { SourceTree } from "../sources/source-tree.ts";
import { hostToolchain, newestCompilers, type Toolchain } from "./toolchain.ts";

/** What a configuration starts from: tinyconfig, defconfig, the guest's own, or the file at an absolute path. */
export type ConfigBase = "tiny" | "defconfig" | "guest" | (string & {});

/** Lines of a kernel configuration. */
export interface Fragment {
  /**
   * What a message calls it. Without a text, the name of one that this project ships, or of one of the kernel's own, as in
   * `make kvm_guest.config`.
   */
  readonly name: string;
  /** Its lines. Defaults to none: the kernel has a fragment of that name. */
  readonly text?: string;
}

/** The fragments that this project ships, for kernels of any age: they come before all others. See fragments/. */
export const shippedFragments: readonly string[] = ["bpf", "kasan", "lockdep", "perf"];

/** From what a configuration is made. */
export interface KernelConfigArgs {
  /** The host that configures. */
  readonly host: Host;
  /** The kernel's sources. */
  readonly source: SourceTree;
  /** Absolute path of the sources directory, below which the build is: the builds of two stacks may be one. */
  readonly directory: string;
  /** What it starts from. */
  readonly base: ConfigBase;
  /** Whether modules that the guest has not loaded are left out. */
  readonly localmodconfig: boolean;
  /** What is laid over the base, the last one winning. */
  readonly fragments: readonly Fragment[];
  /** The guest whose configuration and modules are read. Needed for the base "guest" and for localmodconfig. */
  readonly guest?: VirtualMachine | undefined;
  /** Name of the kernel, if the directory has several: each has a build of its own. Defaults to none. */
  readonly kernel?: string | undefined;
  /** With what it is built: what a compiler can do is part of a configuration. Defaults to the host's gcc. */
  readonly toolchain?: Toolchain;
}

const beside = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8").trimEnd();

/** What a guest needs to boot, to mount and to be reached, each with its reason above it: a fragment may say otherwise. */
const guestNeeds = beside("guest.config");
/** What Duet and its debugger need, in the same form: a fragment that says otherwise is refused. */
const needs = beside("needs.config");
const dependsOn = beside("depends-on.awk");

/**
 * The configuration of a kernel: a base, the guest's modules, what a guest needs, fragments, and what Duet needs last.
 *
 * Source: guide, step 8. A symbol that was asked for and dropped is an error that names it, and so is one that cannot
 * stand beside what Duet needs.
 */
export class KernelConfig extends pulumi.ComponentResource {
  /** Changes with the configuration. */
  readonly hash: pulumi.Output<string>;
  /** Absolute path of the build directory, make's `O=`, and of ccache's folder, which the developer can reach. */
  readonly build: string;
  /** Absolute path of the folder of ccache, which the developer can reach. */
  readonly ccache: string;
  /** Name of the kernel, if the directory has several. */
  readonly kernel: string | undefined;
  /** What is held while a stack has the build: whoever writes there takes a turn. */
  readonly hold: { readonly directory: string; readonly what: string };
  /** With what it is built. */
  readonly toolchain: Toolchain;
  /** Whether it has BTF, which modules have too: pahole makes it. */
  readonly hasBtf: boolean;

  constructor(name: string, args: KernelConfigArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:kernel:KernelConfig", name, {}, opts);
    const { host, source, directory, kernel, base, guest, toolchain = hostToolchain } = args;
    this.kernel = kernel;
    this.toolchain = toolchain;
    const isShipped = ({ name, text }: Fragment) => text === undefined && shippedFragments.includes(name);
    const shipped = args.fragments.filter(isShipped);
    const fragments = args.fragments.filter((one) => !isShipped(one));
    this.hasBtf = shipped.some(({ name }) => name === "bpf");
    this.build = kernelBuildFolder(directory, kernel);
    this.ccache = `${directory}/build/${ofKernel("ccache", kernel)}`;
    this.hold = { directory, what: ofKernel("kernel-build", kernel) };
    const ofGuest = (what: "config" | "modules"): pulumi.Output<string> | undefined =>
      guest?.step(
        `${name}-guest-${what}`,
        {
          title: `read the ${what} of the guest's kernel`,
          script: script(import.meta.url, "guest-kernel.sh", { what }),
        },
        { parent: this },
      ).stdout;
    const step = host.step(
      name,
      {
        title: "configure the kernel",
        script: script(import.meta.url, "config.sh", {
          ...this.hold,
          ...host.developer,
          ...toolchain,
          newest_compilers: newestCompilers,
          stack: host.stack,
          tree: source.tree,
          sources: source.hash,
          build: this.build,
          ccache: this.ccache,
          cache: source.cache,
          own: ofKernel("", kernel),
          base,
          localmodconfig: args.localmodconfig ? "yes" : "",
          modules: args.localmodconfig ? ofGuest("modules") : "",
          shipped: shipped.map(({ name }) => beside(`fragments/${name}.config`)),
          // What ends no line is a name.
          fragments: fragments.map(({ name, text }) => (text === undefined ? name : `${text}\n`)),
          guest_needs: guestNeeds,
          needs,
          depends_on: dependsOn,
        }),
        ...(base === "guest" ? { stdin: ofGuest("config") ?? "" } : {}),
      },
      { parent: this },
    );
    this.hash = step.result("config");
    this.registerOutputs({ hash: this.hash });
  }
}
