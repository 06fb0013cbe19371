import { type Finding, note, ok } from "./finding.ts";
import type { Probe } from "./probe.ts";

/**
 * The newest gcc that a kernel older than this is known to build and to boot with: position independent code by default
 * (gcc 6) is not known before 4.9, relocations of binutils 2.31 (with gcc 8) before 4.16, and the stack protector of
 * gcc 10 before 5.7.
 */
const limits: readonly (readonly [kernel: readonly [number, number], gcc: number])[] = [
  [[4, 9], 5],
  [[4, 16], 7],
  [[5, 7], 9],
];

/** @returns the newest gcc for a kernel; undefined if there is no limit */
function newestCompiler(major: number, minor: number): number | undefined {
  return limits.find(([[limit, part]]) => major < limit || (major === limit && minor < part))?.[1];
}

/**
 * Compares the kernel's sources with this host's compiler.
 *
 * @param tree absolute path of the sources, there or not
 * @param package_ name of a package of sources, if they are one
 */
export function compiler(probe: Probe, tree: string, package_: string | undefined): Finding {
  const gcc = Number((probe.run("gcc", "-dumpversion") ?? "").split(".")[0]);
  if (!gcc) {
    return note("compiler", "gcc is not installed; `up` installs it");
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
        `Linux ${major}.${minor} is of the time of gcc ${newest}, and this is gcc ${gcc}: it may not build, or not boot`,
      )
    : ok("compiler", `gcc ${gcc} builds Linux ${major}.${minor}`);
}

function versionOf(makefile: string): readonly string[] | undefined {
  return /^VERSION = (\d+)\nPATCHLEVEL = (\d+)$/m.exec(makefile)?.slice(1);
}
