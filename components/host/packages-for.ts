import type { PerfSource } from "../kernel/perf.ts";
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
  /** From where perf comes; undefined if none is asked for. */
  readonly perf: PerfSource | undefined;
  /** The sources. */
  readonly sources: readonly Source[];
  /** Whether the host is a person's, who has to be let in. */
  readonly isShared: boolean;
}

/** All packages that a host needs for a spec. */
export function packagesFor(spec: Spec, { server, perf, sources, isShared }: Deciding): readonly string[] {
  return [
    ...hostPackages(server),
    ...sourcePackages(sources),
    ...toolchainPackages(spec.kernel.toolchain),
    ...(spec.kernel.fragments.includes("bpf") ? btfPackages : []),
    ...(perf === "source" ? perfPackages : []),
    ...(perf === undefined ? [] : flameGraphPackages),
    ...(isShared || spec.host.stub === "socket" ? aclPackages : []),
  ];
}
