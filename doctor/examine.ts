import { nfsServer } from "../components/host/nfs-export.ts";
import { kernelBuildFolder } from "../components/names.ts";
import type { Spec } from "../components/spec.ts";
import { kernelSource, treeOf } from "../components/spec-kernel.ts";
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
function treesOf(spec: Spec): readonly string[] {
  const { directory, module, tools } = spec.sources;
  return [
    ...new Set(spec.kernels.map((kernel) => kernelSource(spec, kernel).tree)),
    treeOf(directory, "duet-module", module),
    treeOf(directory, "duet-tools", tools),
    ...spec.kernels.map(({ name }) => kernelBuildFolder(directory, name)),
  ];
}

/** The compiler of each kernel. */
function compilers(probe: Probe, spec: Spec): readonly Finding[] {
  return spec.kernels.map((kernel) => {
    const { source, tree } = kernelSource(spec, kernel);
    return compiler(probe, tree, "package" in source ? source.package : undefined, kernel.toolchain);
  });
}

/**
 * All that is found of a host, before a stack comes up on it. Changes nothing.
 *
 * @param cache absolute path of the cache
 */
export function examine(spec: Spec, cache: string, probe: Probe = here): readonly Finding[] {
  const { directory } = spec.sources;
  const wish: Wish = {
    memory: spec.vms.reduce((sum, vm) => sum + vm.memory, 0),
    folders: {
      [cache]: needed,
      [directory]: needed,
      ...(spec.host.sandbox ? {} : { "/var/lib/libvirt/images": guest * spec.vms.length }),
    },
  };
  const both = [
    processor(probe),
    memory(probe, wish),
    ...disks(probe, wish),
    ...sources(probe, directory, treesOf(spec)),
    ...compilers(probe, spec),
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
