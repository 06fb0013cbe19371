import * as pulumi from "@pulumi/pulumi";
import { type Developer, endWithParent } from "../host/developer.ts";
import { takeTurn } from "../host/holds.ts";
import type { Machine } from "../machine/machine.ts";
import { fail, result } from "../machine/result.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";
import type { KernelConfig } from "./kernel-config.ts";
import { packageScript } from "./kernel-package.ts";
import { type BuildScriptArgs, firstError, makeKernel } from "./make.ts";
import type { SourceTree } from "./source-tree.ts";

export interface KernelBuildArgs {
  readonly host: Machine;
  readonly developer: Developer;
  readonly source: SourceTree;
  /** Absolute path of the build directory, make's `O=`. */
  readonly build: string;
  readonly config: KernelConfig;
  /** Absolute path of ccache's folder, which the developer can reach. */
  readonly ccache: string;
  /** How many compilers run at once. Defaults to the number of processors. */
  readonly jobs?: number;
}

/**
 * Bash that builds a kernel, its gdb scripts and its package. The lines of the build stream; where it fails, the first
 * error comes last, with the log.
 */
export function buildScript(args: BuildScriptArgs): Shell {
  const { developer, build, ccache, jobs } = args;
  const log = `${build}/duet-build.log`;
  const parallel = jobs === undefined ? sh`-j"$(nproc)"` : sh`-j${jobs}`;
  return lines(
    sh`install -d -o ${developer.uid} -g ${developer.gid} -- ${build} ${ccache}`,
    sh`log=${log}; : >"$log"`,
    // Not a pipe: make has to be this shell's own child, or it would not end with it.
    sh`exec 8> >(tee -a -- "$log" >&2); tee=$!`,
    sh`status=0; ${makeKernel(args)} ${parallel} bzImage modules scripts_gdb </dev/null >&8 2>&1 8>&- || status=$?`,
    // The log is whole when tee has ended.
    sh`exec 8>&-; wait "$tee" || true`,
    sh`if [ "$status" != 0 ]; then ${fail(sh`"the kernel was to be built, and make ended with status $status; the first error is: $(${firstError("-n")}); the whole log is $log"`)}; fi`,
    sh`release=$(${makeKernel(args, "-s", "kernelrelease")} </dev/null 2>/dev/null)`,
    sh`build_id=$(readelf -n ${`${build}/vmlinux`} 2>/dev/null | sed -n 's/^ *Build ID: //p' | head -n 1)`,
    packageScript(args),
    sh`printf 'release: %s\nbuild id: %s\npackage: %s\n' "$release" "$build_id" "$package"`,
  );
}

/** What has to be there for a guest to run the kernel and for gdb to know it. */
export function buildFacts(build: string): Shell {
  return sh`cd ${build} 2>/dev/null && {
  stat -c '%n: %s bytes' vmlinux vmlinux-gdb.py Module.symvers
  for package in linux-image-*.deb; do printf 'package: %s\n' "$package"; done
}`;
}

/**
 * A kernel, built out of tree on the host as the developer, with the package that guests install.
 *
 * Source: guide, step 9. Its release ends in `+duet-<commit>`.
 */
export class KernelBuild extends pulumi.ComponentResource {
  /** Absolute path of the build directory, which has vmlinux and vmlinux-gdb.py. */
  readonly directory: string;
  /** Absolute path of the sources. */
  readonly source: string;
  /** What `uname -r` says of this kernel. */
  readonly release: pulumi.Output<string>;
  /** The build id of vmlinux, in hex. */
  readonly buildId: pulumi.Output<string>;
  /** Absolute path of the Debian package. */
  readonly package: pulumi.Output<string>;

  constructor(name: string, args: KernelBuildArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:kernel:KernelBuild", name, {}, opts);
    const { host, developer, source, build, config, ccache, jobs } = args;
    this.directory = build;
    this.source = source.directory;
    const step = host.step(
      name,
      {
        title: "build the kernel",
        create: pulumi.all([source.commit, source.hash, config.hash]).apply(([commit, hash, configuration]) =>
          endWithParent(
            lines(
              sh`# sources ${hash}, configuration ${configuration}`,
              sh`set -euo pipefail`,
              takeTurn(config.hold, developer),
              buildScript({
                developer,
                source: source.directory,
                build,
                ccache,
                jobs,
                localversion: `+duet-${commit}`,
              }),
            ),
          ),
        ),
        facts: buildFacts(build),
      },
      { parent: this },
    );
    const handed = step.stdout.apply((stdout) => result(stdout, ["release", "build id", "package"]));
    this.release = handed.release;
    this.buildId = handed.apply((values) => values["build id"]);
    this.package = handed.package;
    this.registerOutputs({ release: this.release, buildId: this.buildId, package: this.package });
  }
}
