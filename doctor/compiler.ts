import { newestCompilers, type ToolchainSource, toolchainPackages } from "../components/kernel/toolchain.ts";
import { type Finding, note, ok, stop } from "./finding.ts";
import type { Probe } from "./probe.ts";

/** @returns the newest gcc of a kernel's time; undefined if there is no limit */
function newestCompiler(major: number, minor: number): number | undefined {
  const found = newestCompilers.find((line) => {
    const [limit = 0, part = 0] = line.split(/[. ]/).map(Number);
    return major < limit || (major === limit && minor < part);
  });
  return found === undefined ? undefined : Number(found.split(" ")[1]);
}

/**
 * Compares the kernel's sources with the compiler of this host that is to build them. What a build root has is compared
 * by `up`, once that is there.
 *
 * @param tree absolute path of the sources, there or not
 * @param package_ name of a package of sources, if they are one
 */
export function compiler(
  probe: Probe,
  tree: string,
  package_: string | undefined,
  toolchain: ToolchainSource,
): Finding {
  if (toolchain !== "host" && !("cc" in toolchain)) {
    return ok("compiler", "root" in toolchain ? `that of ${toolchain.root}` : `that of ${toolchain.suite}`);
  }
  const program = toolchain === "host" ? "gcc" : toolchain.cc;
  const gcc = Number((probe.run(program, "-dumpversion") ?? "").split(".")[0]);
  if (!gcc) {
    return toolchainPackages(toolchain).includes(program) || toolchain === "host"
      ? note("compiler", `${program} is not installed; \`up\` installs it`)
      : stop("compiler", `${program} does not run; install it, or correct duet:kernel.toolchain`);
  }
  const version =
    versionOf(probe.read(`${tree}/Makefile`) ?? "") ?? /^linux-source-(\d+)\.(\d+)/.exec(package_ ?? "")?.slice(1);
  const [major, minor] = (version ?? []).map(Number);
  if (major === undefined || minor === undefined) {
    return ok("compiler", `gcc ${gcc}; the kernel's version is seen once its sources are there`);
  }
  const newest = newestCompiler(major, minor);
  return newest !== undefined && gcc > newest
    ? note(
        "compiler",
        `Linux ${major}.${minor} is of the time of gcc ${newest}, and this is gcc ${gcc}: it may not build, or not ` +
          "boot; ask for duet:kernel: { toolchain: { suite: … } } of its time",
      )
    : ok("compiler", `gcc ${gcc} builds Linux ${major}.${minor}`);
}

function versionOf(makefile: string): readonly string[] | undefined {
  return /^VERSION = (\d+)\nPATCHLEVEL = (\d+)$/m.exec(makefile)?.slice(1);
}
