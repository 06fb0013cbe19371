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
  if (hostAccelerator(probe.read("/proc/cpuinfo") ?? "", true) !== "kvm") {
    return note("processor", "no KVM: guests are translated, ten times as slow; turn VT-x or AMD-V on in the firmware");
  }
  if (mode === "") {
    return note(
      "processor",
      "it has KVM, and there is no /dev/kvm: guests are translated; do modprobe kvm_intel or kvm_amd",
    );
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

export function disks(probe: Probe, wish: Wish): readonly Finding[] {
  return Object.entries(wish.folders).map(([folder, needed]) => {
    const { free } = probe.disk(folder);
    return free < needed
      ? note("disk", `${folder} has ${gigabytes(free)} GB left, and may come to ${gigabytes(needed)}; free some`)
      : ok("disk", `${folder} has ${gigabytes(free)} GB left`);
  });
}

/** Types of file systems by the numbers of statfs(2). */
const unserved: Readonly<Record<number, string>> = { 2035054128: "overlayfs", 26985: "NFS", 16914836: "tmpfs" };

/** Whether the sources directory is on something that a server of NFS can serve. Source: exports(5), fsid. */
export function sourcesDisk(probe: Probe, directory: string): Finding {
  const { type } = probe.disk(directory);
  const name = unserved[type];
  return name === undefined
    ? ok("sources", `${directory} can be served to guests`)
    : stop(
        "sources",
        `${directory} is on ${name}, which cannot be served; take a directory on another disk in duet:sources`,
      );
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
