import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { scriptText } from "../components/machine/script-text.ts";
import { kernelBuildFolder, toolchainNote } from "../components/names.ts";
import type { Spec } from "../components/spec.ts";
import { type KernelSpec, kernelSource } from "../components/spec-kernel.ts";
import { project } from "../launcher/project.ts";
import { CtlError, exitCodes, usageError } from "./exit.ts";
import { changedLines, withLines } from "./fragment.ts";
import { handOver } from "./hand-over.ts";
import type { Standing } from "./standing.ts";

/** What somebody has changed in the menus, and where that goes. */
export interface Changes {
  readonly lines: readonly string[];
  /** Absolute path of the spec's own fragment; undefined if it has none. */
  readonly fragment: string | undefined;
}

/**
 * The kernel of a spec that somebody means.
 *
 * @param named its name. Defaults to the only one.
 * @throws CtlError if the spec has none of that name, or several
 */
export function meantKernel({ kernels }: Spec, named: string | undefined): KernelSpec {
  const [first, ...others] = kernels;
  const found = named === undefined && others.length === 0 ? first : kernels.find(({ name }) => name === named);
  if (found === undefined) {
    const what = named === undefined ? "one of several kernels" : `kernel ${named}`;
    const choice = kernels.flatMap(({ name }) => name ?? []).join(", ");
    throw usageError(
      `cannot choose ${what}: ${choice === "" ? "this stack has one, without a name" : `take ${choice}`}`,
    );
  }
  return found;
}

/**
 * Has the person at the terminal choose in the menus of a kernel that was built.
 *
 * @param menu a target of the kernel's make: "menuconfig", "nconfig"
 * @throws CtlError if it was not
 */
export async function choose(stack: Standing, spec: Spec, asked: KernelSpec, menu: string): Promise<Changes> {
  const { directory } = spec.sources;
  const build = kernelBuildFolder(directory, asked.name);
  // Where `up` configures, with the menus' program of the right toolchain.
  const scratch = `${build}.config`;
  const configuration = join(build, ".config");
  if (![scratch, configuration].every((path) => existsSync(path))) {
    throw new CtlError(
      exitCodes.failed,
      `cannot show the configuration of stack ${stack.name}: no kernel was configured in ${build}; do duetctl up first`,
    );
  }
  const owner = statSync(configuration);
  const script = scriptText(import.meta.url, "menuconfig.sh", {
    tree: kernelSource(spec, asked).tree,
    scratch,
    configuration,
    menu,
    directory,
    uid: owner.uid,
    gid: owner.gid,
    ...toolchainOf(asked, stack.folder),
  });
  const [before, after] = [join(scratch, ".before"), join(scratch, ".after")];
  try {
    await handOver(["bash", "-c", script]);
    const isDone = process.exitCode === exitCodes.done;
    return {
      lines: isDone ? changedLines(readFileSync(before, "utf8"), readFileSync(after, "utf8")) : [],
      fragment: asked.fragments.map((name) => resolve(project, name)).findLast((file) => existsSync(file)),
    };
  } finally {
    for (const file of [before, after, `${after}.old`]) {
      rmSync(file, { force: true });
    }
  }
}

/** The build root and the compiler, as kernel/toolchain.sh takes them. */
function toolchainOf({ name, toolchain }: KernelSpec, folder: string) {
  if (toolchain === "host" || "cc" in toolchain) {
    return { build_root: "", compiler: toolchain === "host" ? "gcc" : toolchain.cc };
  }
  const root =
    "root" in toolchain ? toolchain.root : readFileSync(join(folder, toolchainNote(name, toolchain)), "utf8").trim();
  return { build_root: root, compiler: "gcc" };
}

/** Takes changes over into the spec's fragment. */
export function takeOver(fragment: string, lines: readonly string[]): void {
  writeFileSync(fragment, withLines(readFileSync(fragment, "utf8"), lines));
}
