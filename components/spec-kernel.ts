import { z } from "zod";
import { ofKernel } from "./names.ts";
import { absolutePath, fileName, sourceTree } from "./spec-fields.ts";
import { quoted } from "./spec-problems.ts";

const kconfigLine = z.string().regex(/^(?:CONFIG_\w+=\S.*|# CONFIG_\w+ is not set)$/, {
  error: (issue) =>
    `asked for ${quoted(issue.input)}; a symbol is written CONFIG_NAME=value or "# CONFIG_NAME is not set"`,
});

const toolchain = z.union(
  [
    z.literal("host"),
    z.strictObject({
      suite: z.string().regex(/^[a-z][a-z0-9-]{1,40}$/),
      mirror: z.url({ protocol: /^https?$/ }).optional(),
    }),
    z.strictObject({ root: absolutePath }),
    z.strictObject({ cc: z.string().regex(/^(?!-)[\w+./-]{1,200}$/) }),
  ],
  { error: "takes one of host, { suite: bullseye, mirror: https://… }, { root: /absolute/path } and { cc: gcc-9 }" },
);

/** How a guest comes to its kernel. */
export const boot = z.enum(["installed", "direct"]);

const keys = {
  base: z.union([z.enum(["guest", "tiny", "defconfig"]), absolutePath]).default("guest"),
  localmodconfig: z.boolean().default(true),
  fragments: z.array(fileName).default([]),
  config: z.array(kconfigLine).default([]),
  toolchain: toolchain.default("host"),
  packages: z.array(z.enum(["headers", "debug"])).default([]),
  boot: boot.default("installed"),
};

/** The kernel of all guests. */
export const kernel = z.strictObject(keys);

/**
 * Names folders, files and steps beside those of others: a dot is followed by a digit, as in a version, and the words that
 * stand behind the name of a folder or a file of the only kernel are none.
 */
const kernelName = z
  .string()
  .regex(/^(?!(?:config|new|time|sh|unseen)$)[a-z][a-z0-9_]{0,15}(?:\.\d[a-z0-9_]{0,8}){0,3}$/, {
    error: (issue) =>
      `asked for a kernel ${quoted(issue.input)}; its name has 1 to 16 lower-case letters, digits and _, a letter first, may go on as a version does, as in v6.1, and is none of config, new, time, sh and unseen`,
  });

/** Kernels by their names, which guests choose by. */
export const kernels = z
  .record(kernelName, z.strictObject({ source: sourceTree.optional(), ...keys }))
  .refine((named) => Object.keys(named).length > 0, { error: "asked for no kernel; name one, or leave it out" });

/** A kernel that guests run. */
export type KernelSpec = z.infer<typeof kernel> & {
  /** Its name among the stack's kernels; undefined for the only one, which has none. */
  readonly name?: string | undefined;
  /** Where its sources come from, if not from those of all kernels. */
  readonly source?: z.infer<typeof sourceTree> | undefined;
};

/** The kernels of a spec, by their names: at least one. */
export type KernelSpecs = readonly [KernelSpec, ...KernelSpec[]];

/**
 * The kernel of a guest: the one that it names, or the only one.
 *
 * @param all one at least
 */
export function kernelFor<T extends { readonly name?: string | undefined }>(
  guest: { readonly kernel?: string | undefined },
  all: readonly T[],
): T {
  return all.find(({ name }) => name === guest.kernel) ?? (all[0] as T);
}

type SourceSpec = z.infer<typeof sourceTree>;

/**
 * Absolute path of sources.
 *
 * @param role the name of their folder, if they are no tree of the user's
 */
export const treeOf = (directory: string, role: string, source: SourceSpec): string =>
  "tree" in source ? source.tree : `${directory}/${role}`;

/** The sources of a kernel, and where they are. */
export function kernelSource(
  { sources }: { readonly sources: { readonly directory: string; readonly kernel: SourceSpec } },
  { name, source }: KernelSpec,
): { readonly source: SourceSpec; readonly tree: string } {
  const own = source ?? sources.kernel;
  return { source: own, tree: treeOf(sources.directory, ofKernel("duet-kernel", source && name), own) };
}

/** The kernels as they are written, in one form. Pulumi hands them on by their names, and so does this. */
export function kernelsOf(one: z.infer<typeof kernel> | undefined, named: z.infer<typeof kernels> | undefined) {
  const [first, ...others] = Object.entries(named ?? {})
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, asked]): KernelSpec => ({ name, ...asked }));
  return [first ?? one ?? kernel.parse({}), ...others] as KernelSpecs;
}
