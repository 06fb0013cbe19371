import { closeSync, openSync, readFileSync } from "node:fs";
import type { Accelerator } from "../components/guest/virtual-machine.ts";

export type { Accelerator };

/**
 * Chooses by CPU flag and device, never by the device alone: /dev/kvm exists on machines without hardware
 * virtualization too, and ordinary guests hang there.
 *
 * @param cpuinfo text of /proc/cpuinfo
 * @param kvmUsable whether /dev/kvm could be opened for reading and writing
 */
export function accelerator(cpuinfo: string, kvmUsable: boolean): Accelerator {
  return kvmUsable && /^flags\s*:.*\b(vmx|svm)\b/m.test(cpuinfo) ? "kvm" : "tcg";
}

/** The accelerator of this machine. */
export function hostAccelerator(): Accelerator {
  return accelerator(readFileSync("/proc/cpuinfo", "utf8"), opens("/dev/kvm"));
}

function opens(device: string): boolean {
  try {
    closeSync(openSync(device, "r+"));
    return true;
  } catch {
    return false;
  }
}
