import { totalmem } from "node:os";
import { gigabytes } from "../launcher/disks.ts";
import { hostAccelerator } from "../sandbox/accelerator.ts";
import { type Finding, note, ok, stop } from "./finding.ts";
import type { Probe } from "./probe.ts";

/** What a stack is to have of the machine. */
export interface Wish {
  /** Memory of all guests in MiB. */
  readonly memory: number;
  /** Absolute paths of folders that grow, each with the bytes that it may come to. */
  readonly folders: Readonly<Record<string, number>>;
}

/** Whether guests run under KVM, and if not, what lacks. */
export function processor(probe: Probe): Finding {
  const [, mode = "", group = ""] = /^(\d+) (\S+)/.exec(probe.run("stat", "-c", "%a %G", "/dev/kvm") ?? "") ?? [];
  const [flags = ""] = /^flags\s*:.*$/m.exec(probe.read("/proc/cpuinfo") ?? "") ?? [];
  const has = (flag: string) => flags.split(/\s+/).includes(flag);
  if (hostAccelerator(flags, true) !== "kvm") {
    const advice = has("hypervisor")
      ? "this is a virtual machine; have nested virtualization turned on at its own host"
      : "turn VT-x or AMD-V on in the firmware";
    return note("processor", `no KVM: guests are translated, ten times as slow; ${advice}`);
  }
  if (mode === "") {
    const module = has("vmx") ? "kvm_intel" : "kvm_amd";
    return note("processor", `it has KVM, and there is no /dev/kvm: guests are translated; do modprobe ${module}`);
  }
  return /[67].$/.test(mode)
    ? ok("processor", `KVM, by /dev/kvm of the group ${group}`)
    : note(
        "processor",
        `/dev/kvm has the mode ${mode}: QEMU cannot open it; do chown root:kvm /dev/kvm; chmod 660 /dev/kvm`,
      );
}

/** The memory that guests ask for, beside what is free now. */
export function memory(probe: Probe, wish: Wish): Finding {
  const total = Math.floor(totalmem() / 2 ** 20);
  const [, kib = "0"] = /^MemAvailable:\s+(\d+)/m.exec(probe.read("/proc/meminfo") ?? "") ?? [];
  const free = Math.floor(Number(kib) / 1024);
  if (wish.memory > total) {
    return stop("memory", `guests ask for ${wish.memory} MiB, and there are ${total}; take less in duet:vms`);
  }
  return wish.memory > free
    ? note("memory", `guests ask for ${wish.memory} MiB, and ${free} are free now; free some`)
    : ok("memory", `${free} MiB are free, and guests ask for ${wish.memory}`);
}

/** What is left of the disks on which folders grow: one disk, one line, whatever is on it. */
export function disks(probe: Probe, wish: Wish): readonly Finding[] {
  const found = new Map<number, { readonly free: number; readonly folders: string[]; needed: number }>();
  for (const [folder, needed] of Object.entries(wish.folders)) {
    const { free, device } = probe.disk(folder);
    const disk = found.get(device) ?? { free, folders: [], needed: 0 };
    disk.folders.push(folder);
    disk.needed += needed;
    found.set(device, disk);
  }
  return [...found.values()].map(({ free, folders, needed }) => {
    const said = `${gigabytes(free)} GB left for ${folders.join(", ")}`;
    return free < needed
      ? note("disk", `${said}, which may come to ${gigabytes(needed)}; free some`)
      : ok("disk", said);
  });
}

/** How a person who is not root comes to do what only root may. */
export function rights(probe: Probe): Finding {
  if (probe.user.uid === 0) {
    return ok("rights", "root");
  }
  if (probe.run("sudo", "-n", "true") === undefined) {
    return stop("rights", "sudo is not installed; install it, or run this as root");
  }
  return ok("rights", `${probe.user.name}, with sudo for what needs root: asked for once`);
}
