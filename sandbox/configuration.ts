import { createHash } from "node:crypto";
import { lines, type Shell, sh } from "../components/machine/shell.ts";
import type { Accelerator } from "./accelerator.ts";
import type { SandboxPaths } from "./paths.ts";

/** libvirtd's own configuration: one socket, which only root reaches, and a host UUID that outlives a restart. */
export function libvirtdConfiguration(paths: SandboxPaths): string {
  const hex = createHash("sha256").update(paths.state).digest("hex");
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)];
  return `${[
    'auth_unix_ro = "none"',
    'auth_unix_rw = "none"',
    'unix_sock_ro_perms = "0700"',
    'unix_sock_rw_perms = "0700"',
    "log_level = 3",
    'log_outputs = "3:file:/var/log/libvirt/libvirtd.log"',
    `host_uuid = "${uuid.join("-")}"`,
  ].join("\n")}\n`;
}

/**
 * The QEMU driver's configuration. Consoles go straight to their files: a log daemon that dies would take the console
 * of a panicking kernel with it.
 */
export function qemuConfiguration(): string {
  return `${[
    'user = "libvirt-qemu"',
    'group = "kvm"',
    "dynamic_ownership = 1",
    "remember_owner = 0",
    'security_driver = "none"',
    'stdio_handler = "file"',
    "namespaces = []",
    "cgroup_controllers = []",
  ].join("\n")}\n`;
}

const devices = ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "net/tun", "vhost-net"];

/**
 * Bash that turns a fresh mount namespace into the sandbox's view of the machine, and becomes the command after it.
 *
 * libvirtd's paths are compiled in, so its folders are mounted over them. /dev is a private one, where /dev/kvm is
 * either absent or owned as udev would leave it: the machine's own node keeps its owner, and libvirtd does not probe
 * QEMU anew at every call, which it does where its QEMU user cannot open the node.
 */
export function enterSandbox(paths: SandboxPaths, chosen: Accelerator, command: readonly string[]): Shell {
  const dev = `${paths.runDirectory}/dev`;
  return lines(
    sh`set -euo pipefail; umask 022`,
    sh`mount -n -t tmpfs -o mode=0755,size=1m ${paths.mark} ${dev}`,
    sh`mkdir ${`${dev}/net`} ${`${dev}/pts`} ${`${dev}/shm`}`,
    sh`for device in ${devices}; do [ -c "/dev/$device" ] && cp -a "/dev/$device" ${dev}/"$device"; done`,
    ...(chosen === "kvm"
      ? [
          sh`mknod -m 0660 ${`${dev}/kvm`} c "$(printf %d "0x$(stat -c %t /dev/kvm)")" "$(printf %d "0x$(stat -c %T /dev/kvm)")"`,
          sh`chown root:kvm ${`${dev}/kvm`}`,
        ]
      : []),
    sh`ln -s /proc/self/fd ${`${dev}/fd`}`,
    sh`mount -n --rbind /dev/pts ${`${dev}/pts`}`,
    sh`mount -n --rbind /dev/shm ${`${dev}/shm`}`,
    sh`mount -n --rbind ${dev} /dev`,
    sh`mount -n --bind ${paths.etc} /etc/libvirt`,
    sh`mount -n --bind ${paths.lib} /var/lib/libvirt`,
    sh`mount -n --bind ${paths.cache} /var/cache/libvirt`,
    sh`mount -n --bind ${paths.log} /var/log/libvirt`,
    sh`mount -n --bind ${paths.run} /run`,
    sh`exec ${command}`,
  );
}
