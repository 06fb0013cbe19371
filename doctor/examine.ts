import { nfsServer } from "../components/host/nfs-export.ts";
import { kernelBuildFolder } from "../components/kernel/config.ts";
import type { Spec } from "../components/spec.ts";
import { needed } from "../launcher/disks.ts";
import { compiler } from "./compiler.ts";
import { type Finding, ok, stop } from "./finding.ts";
import { confinement, groups, libvirt, stub } from "./libvirt.ts";
import { disks, memory, processor, rights, type Wish } from "./machine.ts";
import { firewall, names, nfs, ports, proxy, webConsole } from "./network.ts";
import { here, type Probe } from "./probe.ts";
import { sources } from "./sources.ts";

/** Bytes that a guest takes, with its disk as it is used. */
const guest = 3e9;

/** Absolute paths of what guests have to see of the sources directory. */
function treesOf({ sources: { directory, ...roles } }: Spec): readonly string[] {
  const trees = Object.entries(roles).map(([role, source]) =>
    "tree" in source ? source.tree : `${directory}/duet-${role}`,
  );
  return [...trees, kernelBuildFolder(directory)];
}

/**
 * All that is found of a host, before a stack comes up on it. Changes nothing.
 *
 * @param cache absolute path of the cache
 */
export function examine(spec: Spec, cache: string, probe: Probe = here): readonly Finding[] {
  const { directory } = spec.sources;
  const source = spec.sources.kernel;
  const wish: Wish = {
    memory: spec.vms.reduce((sum, vm) => sum + vm.memory, 0),
    folders: {
      [cache]: needed,
      [directory]: needed,
      ...(spec.host.sandbox ? {} : { "/var/lib/libvirt/images": guest * spec.vms.length }),
    },
  };
  const tree = "tree" in source ? source.tree : `${directory}/duet-kernel`;
  const both = [
    processor(probe),
    memory(probe, wish),
    ...disks(probe, wish),
    ...sources(probe, directory, treesOf(spec)),
    compiler(probe, tree, "package" in source ? source.package : undefined, spec.kernel.toolchain),
    ...proxy(probe),
  ];
  if (spec.host.sandbox) {
    const said = "the embedded host needs root; run this as root or through sudo";
    return [probe.user.uid === 0 ? ok("rights", "root") : stop("rights", said), ...both];
  }
  return [
    rights(probe),
    ...both,
    ...groups(probe),
    libvirt(probe, spec.host.uri),
    confinement(probe),
    ...firewall(probe),
    names(probe),
    ...nfs(probe, nfsServer(spec.host.nfsServer, false)),
    ...ports(
      probe,
      spec.vms.flatMap(({ gdbPort }) => gdbPort ?? []),
    ),
    stub(probe, spec.host.stub),
    ...webConsole(probe, spec.host.console ?? false),
  ];
}
