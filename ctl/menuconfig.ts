import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { scriptText } from "../components/machine/script-text.ts";
import { toolchainNote } from "../components/names.ts";
import type { Spec } from "../components/spec.ts";
import { project } from "../launcher/project.ts";
import { CtlError, exitCodes } from "./exit.ts";
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
 * Has the person at the terminal choose in the menus of the kernel that was built last.
 *
 * @param menu a target of the kernel's make: "menuconfig", "nconfig"
 * @throws CtlError if there is no such kernel
 */
export async function choose(stack: Standing, spec: Spec, menu: string): Promise<Changes> {
  const { directory, kernel } = spec.sources;
  const build = join(directory, "build/duet-kernel");
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
    tree: "tree" in kernel ? kernel.tree : join(directory, "duet-kernel"),
    scratch,
    configuration,
    menu,
    directory,
    uid: owner.uid,
    gid: owner.gid,
    ...toolchainOf(spec.kernel.toolchain, stack.folder),
  });
  const [before, after] = [join(scratch, ".before"), join(scratch, ".after")];
  try {
    await handOver(["bash", "-c", script]);
    const isDone = process.exitCode === exitCodes.done;
    return {
      lines: isDone ? changedLines(readFileSync(before, "utf8"), readFileSync(after, "utf8")) : [],
      fragment: spec.kernel.fragments.map((name) => resolve(project, name)).findLast((file) => existsSync(file)),
    };
  } finally {
    for (const file of [before, after, `${after}.old`]) {
      rmSync(file, { force: true });
    }
  }
}

/** The build root and the compiler, as kernel/toolchain.sh takes them. */
function toolchainOf(asked: Spec["kernel"]["toolchain"], folder: string) {
  if (asked === "host" || "cc" in asked) {
    return { build_root: "", compiler: asked === "host" ? "gcc" : asked.cc };
  }
  const root = "root" in asked ? asked.root : readFileSync(join(folder, toolchainNote), "utf8").trim();
  return { build_root: root, compiler: "gcc" };
}

/** Takes changes over into the spec's fragment. */
export function takeOver(fragment: string, lines: readonly string[]): void {
  writeFileSync(fragment, withLines(readFileSync(fragment, "utf8"), lines));
}
