import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import type { Accelerator } from "../components/host/host.ts";

export type { Accelerator };

/**
 * The accelerator of a machine, this one by default. It is chosen by CPU flag and device, never by the device alone:
 * /dev/kvm exists on machines without hardware virtualization too, and ordinary guests hang there.
 *
 * @param cpuinfo text of /proc/cpuinfo
 * @param kvmUsable whether QEMU can open /dev/kvm for reading and writing
 */
export function hostAccelerator(
  cpuinfo: string = readFileSync("/proc/cpuinfo", "utf8"),
  kvmUsable: boolean = opens("/dev/kvm"),
): Accelerator {
  return kvmUsable && /^flags\s*:.*\b(vmx|svm)\b/m.test(cpuinfo) ? "kvm" : "tcg";
}

/** QEMU runs as somebody else: for a person who may not open the device it is enough that its group may. */
function opens(device: string): boolean {
  try {
    closeSync(openSync(device, "r+"));
    return true;
  } catch (error) {
    const isForbidden = (error as NodeJS.ErrnoException).code === "EACCES";
    return isForbidden && (statSync(device).mode & 0o060) === 0o060;
  }
}
