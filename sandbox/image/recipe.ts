import { guestPackages } from "../../components/guest/packages.ts";

/** What an image is made from, beside the files of overlay/ and the scripts. */
export interface ImageRecipe {
  readonly suite: string;
  /** Debian packages, without their recommendations. */
  readonly packages: readonly string[];
  /** Packages of which the guest keeps the archive, with what they depend on: guests have no network to fetch from. */
  readonly kept: readonly string[];
  /** Units that never start: each costs seconds if QEMU translates. */
  readonly masked: readonly string[];
  /** Units that start at boot. */
  readonly enabled: readonly string[];
  /** Virtual size of the disk, in MiB: as small as the smallest disk of a guest, since the root grows to its disk. */
  readonly size: number;
  /** Disk signature, of which the root's PARTUUID is made: eight hex digits. */
  readonly diskId: string;
  /** Kernel command line after the root: @commandLine@ in the files of overlay/. */
  readonly commandLine: string;
}

/** Debian 12 as a guest to debug kernels in: small, quick to ssh if QEMU translates, and sufficient offline. */
export const debianRecipe: ImageRecipe = {
  suite: "bookworm",
  packages: [
    ...guestPackages,
    "cloud-init",
    "e2fsprogs",
    "fdisk",
    "grub-common",
    "grub-pc-bin",
    "grub2-common",
    "iproute2",
    "linux-image-cloud-amd64",
    "netbase",
    "openssh-server",
    "procps",
    "systemd",
    "systemd-sysv",
    "tiny-initramfs",
    "udev",
  ],
  kept: guestPackages,
  masked: [
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "cloud-config.service",
    "cloud-final.service",
    "cloud-init-local.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
    "modprobe@drm.service",
    "modprobe@efi_pstore.service",
    "modprobe@fuse.service",
    "rpc-gssd.service",
    "rpc-statd-notify.service",
    "rpc-statd.service",
    "rpcbind.service",
    "rpcbind.socket",
    "auth-rpcgss-module.service",
    "systemd-binfmt.service",
    "systemd-hwdb-update.service",
    "systemd-machine-id-commit.service",
    "systemd-pstore.service",
    "systemd-update-utmp.service",
    "systemd-update-utmp-runlevel.service",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-fs-fuse-connections.mount",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
  ],
  enabled: [
    "systemd-networkd.service",
    "systemd-networkd-wait-online.service",
    "cloud-init.service",
    "ssh.service",
    "duet-grow-root.service",
  ],
  size: 3072,
  diskId: "64756574",
  commandLine: "console=ttyS0 net.ifnames=0 audit=0 mitigations=off",
};

/**
 * The same with more packages, such as those of a guest that is itself a host.
 *
 * @param packages names of Debian packages. None makes the image that it is without.
 */
export function debianWith(packages: readonly string[]): ImageRecipe {
  return { ...debianRecipe, packages: [...new Set([...debianRecipe.packages, ...packages])] };
}
