import { existsSync } from "node:fs";

/** What is there if systemd is what runs services here. Source: sd_booted(3). */
const systemd = "/run/systemd/system";

/**
 * The command by which root has libvirt listen.
 *
 * @param isModular whether it is there in parts, of which virtproxyd alone has the socket that the provider knows
 * @param has whether a file or folder is there. Defaults to a look at this machine.
 */
export function startLibvirt(isModular: boolean, has: (path: string) => boolean = existsSync): string {
  if (has(systemd)) {
    return `systemctl enable --now ${isModular ? "virtproxyd" : "libvirtd"}.socket`;
  }
  return isModular ? "virtproxyd -d" : "virtlogd -d; libvirtd -d";
}
