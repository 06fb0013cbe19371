import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/host.ts";
import { script } from "../machine/script.ts";
import type { SourceTree } from "../sources/source-tree.ts";
import type { KernelConfig } from "./config.ts";
import { isOfGuestsToo, type Toolchain } from "./toolchain.ts";

/** What a kernel is built from. */
export interface KernelBuildArgs {
  /** The host that builds. */
  readonly host: Host;
  /** Its sources. */
  readonly source: SourceTree;
  /** Its configuration. */
  readonly config: KernelConfig;
  /** How many compilers run at once. Defaults to the number of processors. */
  readonly jobs?: number;
  /** What is packed and installed beside the kernel. Defaults to nothing. */
  readonly packages?: readonly KernelPackage[];
  /** In which ways guests boot it. Defaults to "installed" alone. */
  readonly boots?: readonly Boot[];
}

/**
 * How a guest comes to its kernel. `installed`: from a package, by its boot loader, as on real machines. `direct`: libvirt
 * has it from the build, and only its modules are brought into the guest, which takes less time.
 */
export type Boot = "direct" | "installed";

/**
 * `debug`: the symbols, at the place below /usr/lib/debug where perf looks for them. `headers`: what builds modules
 * without the sources.
 */
export type KernelPackage = "debug" | "headers";

const beside = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8").trimEnd();

/** A file of the package, whose `@names@` the step fills. */
const packaged = (file: string): string => beside(`package/${file}`);

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
  /** What is held while a stack has the build. */
  readonly hold: KernelConfig["hold"];
  /** Words of the command that builds it by hand. */
  readonly buildCommand: readonly string[];
  /** Name of the kernel, if the directory has several. */
  readonly kernel: string | undefined;
  /** With what it is built, and its modules. */
  readonly toolchain: Toolchain;
  /** Who can build modules for it: guests have no other toolchain, and no pahole. */
  readonly modulesBy: "guest" | "host";
  /** Absolute path of the sources. */
  readonly tree: string;
  /** What `uname -r` says of this kernel. */
  readonly release: pulumi.Output<string>;
  /** The build id of vmlinux, in hex. */
  readonly buildId: pulumi.Output<string>;
  /** Absolute path of the archive of modules for guests which boot it directly; undefined if none does. */
  readonly modules: string | undefined;
  /** Absolute paths of the Debian packages, that of the kernel first. */
  readonly packages: pulumi.Output<readonly string[]>;

  constructor(name: string, args: KernelBuildArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:kernel:KernelBuild", name, {}, opts);
    const { host, source, config, jobs, packages = [], boots = ["installed"] } = args;
    const isDirect = boots.includes("direct");
    const packed = [...(boots.includes("installed") ? ["image"] : []), ...packages];
    this.build = config.build;
    this.directory = config.hold.directory;
    this.kernel = config.kernel;
    this.hold = config.hold;
    this.buildCommand = ["bash", host.fileOf(name), "create"];
    this.toolchain = config.toolchain;
    this.modulesBy = isOfGuestsToo(config.toolchain) && !config.hasBtf ? "guest" : "host";
    this.tree = source.tree;
    this.modules = isDirect ? `${config.build}/modules.tar` : undefined;
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
          packages: [...packed, ...(isDirect ? ["modules"] : [])],
          objects_awk: beside("objects.awk"),
          postinst: packaged("postinst"),
          postrm: packaged("postrm"),
          control: packaged("control"),
        }),
      },
      { parent: this },
    );
    this.release = step.result("release");
    this.buildId = step.result("build-id");
    this.packages = pulumi.all(packed.map((kind) => step.result(kind === "image" ? "package" : kind)));
    this.registerOutputs({ release: this.release, buildId: this.buildId, packages: this.packages });
  }
}
