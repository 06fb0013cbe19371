import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/host.ts";
import { toolchainNote } from "../names.ts";
import { BuildRoot } from "./build-root.ts";

/**
 * With what kernel and module are built: the host's gcc, another of the host's by its name or path, that of a build root
 * which is there, or that of a Debian suite, of which a build root is made.
 */
export type ToolchainSource =
  | "host"
  | { readonly cc: string }
  | { readonly root: string }
  | { readonly suite: string; readonly mirror?: string | undefined };

/** What the steps that build are given. */
export interface Toolchain {
  /** Absolute path of the build root; empty for the host itself. */
  readonly build_root: pulumi.Input<string>;
  /** Name or absolute path of the compiler there. */
  readonly compiler: string;
}

/** The host's own, which a guest has likewise. */
export const hostToolchain: Toolchain = { build_root: "", compiler: "gcc" };

/** Whether a guest has the same: what a build root is made of is known later, and is another. */
export function isOfGuestsToo({ build_root, compiler }: Toolchain): boolean {
  return build_root === hostToolchain.build_root && compiler === hostToolchain.compiler;
}

/** Debian packages that a host needs for a toolchain. */
export function toolchainPackages(source: ToolchainSource): readonly string[] {
  if (source === "host") {
    return [];
  }
  if ("cc" in source) {
    // A compiler that Debian has is called as its package; others are somebody's own.
    return /^gcc-\d+$/.test(source.cc) ? [source.cc] : [];
  }
  return ["bubblewrap"];
}

/**
 * The toolchain of a kernel. An old kernel wants a compiler of its time, and not an old guest.
 *
 * @param opts of the build root, if one is to be made: what has to be there first
 * @param kernel name of the kernel, if the stack has several. Defaults to none.
 */
export function toolchainOf(
  source: ToolchainSource,
  host: Host,
  opts: pulumi.ComponentResourceOptions,
  kernel?: string,
): Toolchain {
  if (source === "host") {
    return hostToolchain;
  }
  if ("cc" in source) {
    return { build_root: "", compiler: source.cc };
  }
  if ("root" in source) {
    return { build_root: source.root, compiler: "gcc" };
  }
  const note = toolchainNote(kernel, source);
  return { build_root: new BuildRoot(note, { host, ...source, note }, opts).path, compiler: "gcc" };
}

/** The newest gcc of the time of kernels that are older than a version, as `4.9 5`: the first that fits counts. */
export const newestCompilers: readonly string[] = [
  // gcc 6 makes position independent code by default, which is known from 4.9 on.
  "4.9 5",
  // Relocations of binutils 2.31, which came with gcc 8.
  "4.16 7",
  // The stack protector of gcc 10.
  "5.7 9",
];
