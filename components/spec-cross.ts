import type { Spec } from "./spec.ts";

function twice<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}

/** What no single field can know, a line a problem. */
export function crossProblems(spec: Spec): readonly string[] {
  const all = spec.vms.map((vm) => vm.name);
  const names = twice(all);
  const ports = twice(spec.vms.flatMap((vm) => vm.gdbPort ?? []));
  const logs = all.filter((name) => all.includes(`${name}-console`));
  const trees = (["kernel", "module", "tools"] as const).flatMap((key) => {
    const source = spec.sources[key];
    return "tree" in source && !source.tree.startsWith(`${spec.sources.directory}/`)
      ? [
          `duet:sources.${key}.tree: asked for ${source.tree}, which guests cannot see; keep it below ${spec.sources.directory}`,
        ]
      : [];
  });
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
  const isInstalled = spec.vms.some(({ boot = spec.kernel.boot }) => boot === "installed");
  const packages =
    spec.kernel.packages.length > 0 && !isInstalled
      ? [
          `duet:kernel.packages: asked for ${spec.kernel.packages.join(", ")}, and no guest installs its kernel; leave it out`,
        ]
      : [];
  const isOfHost = spec.kernel.toolchain === "host";
  const builders = [
    ...(!isOfHost && spec.module.build === "guest"
      ? ["duet:module.build: asked for guest, which has not the compiler of duet:kernel.toolchain; leave it out"]
      : []),
    ...(spec.kernel.fragments.includes("bpf") && spec.module.build === "guest"
      ? ["duet:module.build: asked for guest, which has no pahole, and duet:kernel.fragments has bpf; leave it out"]
      : []),
    ...(!isOfHost && spec.tools.perf === "source"
      ? ["duet:tools.perf: asked for source, and duet:kernel.toolchain has not the libraries; take package"]
      : []),
  ];
  return [
    ...stubs,
    ...consoles,
    ...builders,
    ...packages,
    ...names.map((name) => `duet:vms: asked for two VMs with the name ${name}; give each its own`),
    ...ports.map((port) => `duet:vms: asked for gdb port ${port} twice; give each VM its own, or leave it out`),
    ...logs.map(
      (name) =>
        `duet:vms: asked for VMs ${name} and ${name}-console; the first one's console and the second one's QEMU would ` +
        `write to one log, ${name}-console.log; give one of them another name`,
    ),
    ...trees,
  ];
}
