import type { Spec } from "./spec.ts";
import { type KernelSpec, kernelFor } from "./spec-kernel.ts";
import { pathOf, quoted } from "./spec-problems.ts";

function twice<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}

/** Where what is asked of a kernel stands. */
export const placeOf = ({ name }: Pick<KernelSpec, "name">) =>
  pathOf(name === undefined ? ["kernel"] : ["kernels", name]);

/** Sources in places that guests cannot see. */
function hiddenTrees({ sources: { directory, ...roles }, kernels }: Spec): readonly string[] {
  const all = [
    ...Object.entries(roles).map(([role, source]) => [`duet:sources.${role}`, source] as const),
    ...kernels.map((kernel) => [`${placeOf(kernel)}.source`, kernel.source] as const),
  ];
  return all.flatMap(([place, source]) =>
    source !== undefined && "tree" in source && !source.tree.startsWith(`${directory}/`)
      ? [`${place}.tree: asked for ${source.tree}, which guests cannot see; keep it below ${directory}`]
      : [],
  );
}

/** Guests that ask for a kernel which is none, and kernels for which none asks. */
function unmatched({ vms, kernels }: Spec): readonly string[] {
  const names = kernels.flatMap(({ name }) => name ?? []);
  const choice = names.length === 0 ? "there is no duet:kernels; leave it out" : `take ${names.join(" or ")}`;
  return [
    ...vms.flatMap(({ kernel }, at) => {
      if (kernel === undefined) {
        return names.length > 1 ? [`duet:vms[${at}].kernel: is missing, beside several kernels; ${choice}`] : [];
      }
      return names.includes(kernel)
        ? []
        : [`duet:vms[${at}].kernel: asked for ${quoted(kernel)}, which is no kernel of this stack; ${choice}`];
    }),
    ...kernels.flatMap((kernel) =>
      kernels.length === 1 || vms.some((vm) => vm.kernel === kernel.name)
        ? []
        : [`${placeOf(kernel)}: asked for a kernel that no guest runs; have one do so in duet:vms, or leave it out`],
    ),
  ];
}

/** What cannot be had with one of the kernels. */
function kernelProblems(kernel: KernelSpec, { module, tools, vms, kernels }: Spec): readonly string[] {
  const place = placeOf(kernel);
  const isOfHost = kernel.toolchain === "host";
  const guests = vms.filter((vm) => kernelFor(vm, kernels) === kernel);
  const isInstalled = guests.some(({ boot = kernel.boot }) => boot === "installed");
  return [
    ...(!isOfHost && module.build === "guest"
      ? [`duet:module.build: asked for guest, which has not the compiler of ${place}.toolchain; leave it out`]
      : []),
    ...(kernel.fragments.includes("bpf") && module.build === "guest"
      ? [`duet:module.build: asked for guest, which has no pahole, and ${place}.fragments has bpf; leave it out`]
      : []),
    ...(!isOfHost && tools.perf === "source"
      ? [`duet:tools.perf: asked for source, and ${place}.toolchain has not the libraries; take package`]
      : []),
    ...(kernel.packages.length > 0 && guests.length > 0 && !isInstalled
      ? [`${place}.packages: asked for ${kernel.packages.join(", ")}, and no guest installs its kernel; leave it out`]
      : []),
  ];
}

/** What no single field can know, a line a problem. */
export function crossProblems(spec: Spec): readonly string[] {
  const all = spec.vms.map((vm) => vm.name);
  const names = twice(all);
  const ports = twice(spec.vms.flatMap((vm) => vm.gdbPort ?? []));
  const logs = all.filter((name) => all.includes(`${name}-console`));
  const isSocket = spec.host.stub === "socket";
  const stubs = [
    ...(isSocket && spec.host.sandbox
      ? ["duet:host.stub: asked for socket, and nobody but root enters the embedded host; leave it out"]
      : []),
    ...(isSocket && spec.vms.some((vm) => vm.gdbPort !== undefined)
      ? ["duet:vms: asked for a gdb port, and for sockets in duet:host.stub; leave out one of them"]
      : []),
  ];
  const consoles =
    spec.host.console && !spec.host.sandbox && !spec.host.uri.startsWith("qemu:///")
      ? [`duet:host.console: asked for one, and libvirt is elsewhere, at ${spec.host.uri}; leave it out`]
      : [];
  return [
    ...stubs,
    ...consoles,
    ...spec.kernels.flatMap((kernel) => kernelProblems(kernel, spec)),
    ...unmatched(spec),
    ...names.map((name) => `duet:vms: asked for two VMs with the name ${name}; give each its own`),
    ...ports.map((port) => `duet:vms: asked for gdb port ${port} twice; give each VM its own, or leave it out`),
    ...logs.map(
      (name) =>
        `duet:vms: asked for VMs ${name} and ${name}-console; the first one's console and the second one's QEMU would ` +
        `write to one log, ${name}-console.log; give one of them another name`,
    ),
    ...hiddenTrees(spec),
  ];
}
