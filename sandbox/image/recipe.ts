import { createHash } from "node:crypto";

/** A file that the image gets on top of its packages. */
export interface ImageFile {
  readonly text: string;
  /** Permissions. Defaults to 0644. */
  readonly mode?: number;
}

/** All that an image is made from; its hash is the image's name in the cache. */
export interface ImageRecipe {
  readonly suite: string;
  /** Debian packages, without their recommendations. */
  readonly packages: readonly string[];
  /** Packages of which the guest keeps the archive, with what they depend on: guests have no network to fetch from. */
  readonly kept: readonly string[];
  /** Files by absolute path. */
  readonly files: Readonly<Record<string, ImageFile>>;
  /** Units that never start: each costs seconds where QEMU translates. */
  readonly masked: readonly string[];
  /** Units that start at boot. */
  readonly enabled: readonly string[];
  /** Virtual size of the disk, in MiB. */
  readonly size: number;
  /** Disk signature, of which the root's PARTUUID is made: eight hex digits. */
  readonly diskId: string;
  /** Kernel command line after the root. */
  readonly commandLine: string;
}

/** What a module and its tools are built with, and what mounts the sources. */
const buildPackages = ["gcc", "kmod", "libc6-dev", "libelf1", "make", "nfs-common", "sudo"] as const;

const seed = "/dev/disk/by-label/cidata";

/** cloud-init's only stage here: Python starts once, and not at all in a boot whose seed is the one already applied. */
const cloudInitUnit = `[Unit]
Description=Apply the seed disk with cloud-init
DefaultDependencies=no
Wants=dev-disk-by\\x2dlabel-cidata.device
After=dev-disk-by\\x2dlabel-cidata.device local-fs.target systemd-tmpfiles-setup.service
Before=ssh.service systemd-user-sessions.service shutdown.target
Conflicts=shutdown.target
ConditionPathExists=!/etc/cloud/cloud-init.disabled

[Service]
Type=oneshot
RemainAfterExit=yes
ExecCondition=/usr/local/lib/duet/seed-is-new
ExecStart=/usr/bin/cloud-init init
ExecStartPost=/usr/local/lib/duet/seed-applied
TimeoutSec=300
StandardOutput=journal+console

[Install]
WantedBy=multi-user.target
`;

const growUnit = `[Unit]
Description=Grow the root file system to the size of its disk
After=ssh.service

[Service]
Type=oneshot
ExecStart=/usr/local/lib/duet/grow-root

[Install]
WantedBy=multi-user.target
`;

/** The image is as small as the smallest disk of a guest, and its root grows to the disk it finds itself on. */
const growScript = `#!/bin/sh
set -e
cd /sys/block/vda
[ $(($(cat size) - $(cat vda1/start) - $(cat vda1/size))) -gt 65536 ] || exit 0
echo ', +' | sfdisk --quiet --no-reread --no-tell-kernel --force -N 1 /dev/vda
partx --update --nr 1 /dev/vda
resize2fs /dev/vda1
`;

const cloudInitConfiguration = `# Nothing here waits for a network: the seed is a disk.
datasource_list: [NoCloud, None]
network: {config: disabled}
disable_root: false
preserve_hostname: false
manage_etc_hosts: true
ssh_deletekeys: true
ssh_genkeytypes: []
users: []
syslog_fix_perms: root:root
cloud_init_modules:
  - bootcmd
  - write_files
  - set_hostname
  - update_hostname
  - update_etc_hosts
  - users_groups
  - ssh
  - set_passwords
  - runcmd
  - scripts_user
cloud_config_modules: []
cloud_final_modules: []
system_info:
  distro: debian
`;

/** Debian 12 as a guest to debug kernels in: small, quick to ssh where QEMU translates, and sufficient offline. */
export const debianRecipe: ImageRecipe = {
  suite: "bookworm",
  packages: [
    ...buildPackages,
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
  kept: buildPackages,
  files: {
    "/etc/apt/apt.conf.d/90duet": {
      text: 'APT::Install-Recommends "false";\nAPT::Periodic::Enable "0";\nAcquire::Languages "none";\n',
    },
    "/etc/cloud/cloud.cfg": { text: cloudInitConfiguration },
    "/etc/default/grub": {
      text: `GRUB_DEFAULT=saved
GRUB_TIMEOUT=0
GRUB_RECORDFAIL_TIMEOUT=0
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT=
GRUB_CMDLINE_LINUX="@commandLine@"
GRUB_TERMINAL=console
GRUB_DISABLE_OS_PROBER=true
GRUB_DISABLE_LINUX_UUID=true
GRUB_DISABLE_RECOVERY=true
GRUB_DISABLE_SUBMENU=true
`,
    },
    "/etc/fstab": { text: "/dev/vda1 / ext4 noatime,errors=remount-ro 0 0\n" },
    "/etc/hostname": { text: "debian\n" },
    "/etc/machine-id": { text: "" },
    "/etc/ssh/sshd_config.d/duet.conf": {
      text: `HostKey /etc/ssh/ssh_host_ed25519_key
KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org
PasswordAuthentication no
PrintMotd no
UseDNS no
`,
    },
    "/etc/systemd/journald.conf.d/duet.conf": { text: "[Journal]\nStorage=volatile\nAudit=no\n" },
    "/etc/systemd/network/80-dhcp.network": {
      text: `[Match]
Name=en* eth*

[Network]
DHCP=ipv4
IPv6AcceptRA=no
LinkLocalAddressing=no

[DHCPv4]
ClientIdentifier=mac
`,
    },
    "/etc/systemd/system/cloud-init.service": { text: cloudInitUnit },
    "/etc/systemd/system/dev-disk-by\\x2dlabel-cidata.device.d/duet.conf": {
      text: "[Unit]\nJobRunningTimeoutSec=20s\n",
    },
    "/etc/tiny-initramfs/tiny-initramfs.conf": {
      text: "AUTO_MODULES=no\nMICROCODE=no\nINCLUDE_MODULES=virtio_pci,virtio_blk,ext4\n",
    },
    "/etc/systemd/system/duet-grow-root.service": { text: growUnit },
    "/usr/local/lib/duet/grow-root": { text: growScript, mode: 0o755 },
    "/usr/local/lib/duet/seed-is-new": {
      text: `#!/bin/sh
# Whether the seed disk is another one than at the last boot: exit 1 makes systemd skip cloud-init.
[ -e ${seed} ] || exit 1
! sha256sum --status -c /var/lib/duet/seed 2>/dev/null
`,
      mode: 0o755,
    },
    "/usr/local/lib/duet/seed-applied": {
      text: `#!/bin/sh
# \`cloud-init status --wait\` ends with this file, which the last of cloud-init's other stages would write.
echo '{"v1": {"datasource": "NoCloud", "errors": []}}' >/run/cloud-init/result.json
mkdir -p /var/lib/duet
sha256sum ${seed} >/var/lib/duet/seed.new && mv /var/lib/duet/seed.new /var/lib/duet/seed
`,
      mode: 0o755,
    },
  },
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
  commandLine: "console=ttyS0 net.ifnames=0 loglevel=4 audit=0 mitigations=off",
};

/** Name of a recipe's image in the cache. */
export function recipeKey(recipe: ImageRecipe, script: string): string {
  return createHash("sha256")
    .update(JSON.stringify([recipe, script]))
    .digest("hex")
    .slice(0, 16);
}
