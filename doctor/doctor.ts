import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { nfsServer } from "../components/host/nfs-export.ts";
import { parseSpec, type Spec, SpecError } from "../components/spec.ts";
import { UserError } from "../sandbox/report.ts";
import { compiler } from "./compiler.ts";
import { type Finding, lineOf, ok, stop } from "./finding.ts";
import { confinement, groups, libvirt, stub } from "./libvirt.ts";
import { disks, memory, processor, rights, sourcesDisk, type Wish } from "./machine.ts";
import { firewall, names, nfs, ports, proxy } from "./network.ts";
import { here, type Probe } from "./probe.ts";

/** Bytes that a kernel takes, with its sources and its build; and a guest, with its disk as it is used. */
const [kernel, guest] = [4e9, 3e9];

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
      [cache]: kernel,
      [directory]: kernel,
      ...(spec.host.sandbox ? {} : { "/var/lib/libvirt/images": guest * spec.vms.length }),
    },
  };
  const tree = "tree" in source ? source.tree : `${directory}/duet-kernel`;
  const both = [
    processor(probe),
    memory(probe, wish),
    ...disks(probe, wish),
    sourcesDisk(probe, directory),
    compiler(probe, tree, "package" in source ? source.package : undefined),
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
    stub(probe),
  ];
}

/**
 * Prints what is found of this host: a line each.
 *
 * @param file path of the stack's spec
 * @param cache absolute path of the cache
 * @returns the exit status: 1 if `up` would not succeed
 * @throws UserError if the spec has problems
 */
export function doctor(file: string, cache: string): number {
  const findings = examine(specIn(file), cache);
  for (const finding of findings) {
    console.log(lineOf(finding));
  }
  return findings.some(({ state }) => state === "stop") ? 1 : 0;
}

function specIn(file: string): Spec {
  try {
    const { config = {} } = parse(readFileSync(file, "utf8")) ?? {};
    const own = Object.entries(config).filter(([key]) => key.startsWith("duet:"));
    return parseSpec(Object.fromEntries(own.map(([key, value]) => [key.slice("duet:".length), value])));
  } catch (error) {
    throw new UserError(error instanceof SpecError ? error.message : `cannot read ${file}: ${String(error)}`);
  }
}
