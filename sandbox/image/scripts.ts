import { readFileSync } from "node:fs";
import { lines, type Shell, sh } from "../../components/machine/shell.ts";
import type { ImageRecipe } from "./recipe.ts";

const mebibyte = 1024 * 1024;

/**
 * Bash that makes the tree of the image's files in `root`, from the packages and from the files under `overlay`.
 *
 * Runs in mount and process namespaces of its own: what mmdebstrap mounts ends with it, whatever ends it.
 */
export function makeTree(recipe: ImageRecipe, mirror: string | undefined): Shell {
  const share = ["man", "doc", "info", "locale", "lintian", "zsh"].map((name) => `/usr/share/${name}/*`);
  // cloud-init checks its seed against the schemas where it has them, which costs seconds of translated Python.
  const excluded = [...share, "/usr/lib/python3/dist-packages/cloudinit/config/schemas/*.json"];
  return lines(
    sh`set -euo pipefail; umask 022; export work=$PWD`,
    sh`mmdebstrap --quiet --mode=root --variant=minbase --format=directory --dpkgopt=force-unsafe-io \
  ${excluded.map((path) => `--dpkgopt=path-exclude=${path}`)} \
  --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
  --aptopt='Acquire::Retries "3"' --aptopt='Acquire::PDiffs "false"' \
  --skip=cleanup/apt --include=${recipe.packages.join(",")} \
  --extract-hook='mkdir -p "$1/etc" && cp -r "$work/overlay/etc/tiny-initramfs" "$1/etc/"' \
  --customize-hook='cp -r "$work/overlay/." "$1/"' \
  --customize-hook='cp "$work/finish.sh" "$1/finish.sh" && chroot "$1" bash /finish.sh && rm "$1/finish.sh"' \
  ${recipe.suite} root ${mirror === undefined ? [] : [mirror]}`,
  );
}

/** Bash that finishes the tree from inside: it is chrooted there. */
export function finishTree(recipe: ImageRecipe): Shell {
  return lines(
    sh`kept=(${recipe.kept})`,
    sh`enabled=(${recipe.enabled})`,
    sh`masked=(${recipe.masked})`,
    sh`command_line=${recipe.commandLine}`,
    { shell: readFileSync(new URL("finish.sh", import.meta.url), "utf8") },
  );
}

/**
 * Bash that makes the disk from the tree: partition table, file system, GRUB in the gap before the first partition.
 * No loop device and no mount.
 */
export function makeDisk(recipe: ImageRecipe): Shell {
  const offset = 1;
  return lines(
    sh`set -euo pipefail`,
    sh`rm -f disk.raw; truncate -s ${`${recipe.size}M`} disk.raw`,
    sh`sfdisk --quiet disk.raw <<END`,
    sh`label: dos`,
    sh`label-id: 0x${{ shell: recipe.diskId }}`,
    sh`start=${offset}MiB, type=83, bootable`,
    sh`END`,
    sh`mke2fs -q -t ext4 -F -L root -m 1 -d root -O ^metadata_csum_seed,^orphan_file -U ${uuidOf(recipe)} \
  -E offset=${offset * mebibyte},assume_storage_prezeroed=1,root_owner=0:0 disk.raw ${`${(recipe.size - offset) * 1024}k`}`,
    sh`grub-mkimage -O i386-pc -o core.img -p '(hd0,msdos1)/boot/grub' biosdisk part_msdos ext2 normal linux`,
    sh`[ "$(stat -c %s core.img)" -lt ${(offset * 2048 - 1) * 512} ]`,
    sh`dd if=/usr/lib/grub/i386-pc/boot.img of=disk.raw bs=440 count=1 conv=notrunc status=none`,
    sh`dd if=core.img of=disk.raw bs=512 seek=1 conv=notrunc status=none`,
  );
}

/** Bash that turns the raw disk into the qcow2 that guests put their overlays on. */
export function packDisk(): Shell {
  return sh`qemu-img convert -q -f raw -O qcow2 -m 4 -W disk.raw debian-12.qcow2 && sha256sum debian-12.qcow2`;
}

function uuidOf(recipe: ImageRecipe): string {
  return `${recipe.diskId}-0000-4000-8000-000000000001`;
}
