import { perfSource } from "../kernel/perf.ts";
import { toolchainPackages } from "../kernel/toolchain.ts";
import type { Source } from "../sources/source-tree.ts";
import type { Spec } from "../spec.ts";
import type { NfsServer } from "./nfs-export.ts";
import {
  aclPackages,
  btfPackages,
  flameGraphPackages,
  hostPackages,
  perfPackages,
  sourcePackages,
} from "./package-lists.ts";

/** What decides on packages beside the spec itself. */
interface Deciding {
  /** The server of the sources. */
  readonly server: NfsServer;
  /** The sources. */
  readonly sources: readonly Source[];
  /** Whether the host is a person's, who has to be let in. */
  readonly isShared: boolean;
}

/** All packages that a host needs for a spec. */
export function packagesFor(spec: Spec, { server, sources, isShared }: Deciding): readonly string[] {
  const perfs = spec.kernels.flatMap(({ toolchain }) => perfSource(spec.tools.perf, toolchain) ?? []);
  return [
    ...hostPackages(server),
    ...sourcePackages(sources),
    ...new Set(spec.kernels.flatMap(({ toolchain }) => toolchainPackages(toolchain))),
    ...(spec.kernels.some(({ fragments }) => fragments.includes("bpf")) ? btfPackages : []),
    ...(perfs.includes("source") ? perfPackages : []),
    ...(perfs.length === 0 ? [] : flameGraphPackages),
    ...(isShared || spec.host.stub === "socket" ? aclPackages : []),
  ];
}
