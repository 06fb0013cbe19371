import { createHash } from "node:crypto";
import { checksumFact } from "../machine/checksum.ts";
import { dropLines, lineFacts, type MarkedLines, putLines } from "../machine/marked-lines.ts";
import { fail } from "../machine/result.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";
import { type NfsShare, requireAddress, requirePath } from "./nfs-share.ts";

/** What the kernel's server owns of a host for one stack. */
export interface KernelExport {
  /** The stack, part of every name. */
  readonly stack: string;
  /** Absolute path of the host's file systems table. Defaults to /etc/fstab. */
  readonly fstab?: string;
  /** Absolute path of the folder of export files. Defaults to /etc/exports.d. */
  readonly exportsFolder?: string;
  /** Absolute path of the folder of exported directories. Defaults to /export. */
  readonly exportFolder?: string;
}

function parts(args: KernelExport) {
  const exportFolder = args.exportFolder ?? "/export";
  const exportsFolder = args.exportsFolder ?? "/etc/exports.d";
  const fstab: MarkedLines = { file: args.fstab ?? "/etc/fstab", owner: args.stack };
  return {
    exportFolder,
    exportsFolder,
    fstab,
    mountPoint: requirePath(`${exportFolder}/duet-${args.stack}`),
    file: `${exportsFolder}/duet-${args.stack}.exports`,
  };
}

/** The bind mount's line in the file systems table. Source: guide, step 5. */
export function bindLine(directory: string, mountPoint: string): string {
  return `${requirePath(directory)} ${mountPoint} none bind 0 0`;
}

/**
 * The stack's export file: its mount point for single addresses, root squashed.
 *
 * The file system id is the stack's own, so that a directory of any file system can be exported.
 */
export function exportsFile(share: NfsShare, args: KernelExport): string {
  const { mountPoint } = parts(args);
  const id = createHash("sha256").update(mountPoint).digest("hex").slice(0, 32);
  const uuid = id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  const options = `rw,async,no_subtree_check,root_squash,sec=sys,fsid=${uuid}`;
  return `${share.clients.map((client) => `${mountPoint} ${requireAddress(client)}(${options})`).join("\n")}\n`;
}

/**
 * Mounts the directory below the export folder, now and at boot, and exports it. Prints what a client mounts.
 *
 * NFSv4 paths begin at the export with fsid=0 where a user has one: then the printed path does too.
 */
export function exportByKernel(share: NfsShare, args: KernelExport): Shell {
  const { exportFolder, exportsFolder, fstab, mountPoint, file } = parts(args);
  return lines(
    sh`command -v exportfs >/dev/null || ${fail(sh`'the sources are to be served by nfsd, and exportfs is not installed: apt-get install nfs-kernel-server'`)}`,
    sh`[ -d ${share.directory} ] || ${fail(sh`${`${share.directory} is to be served, and is no directory: make it first`}`)}`,
    sh`for folder in ${[exportFolder, exportsFolder]}; do [ -d "$folder" ] || { mkdir -p -- "$folder"; : >"$folder/.duet"; }; done`,
    sh`mkdir -p -- ${mountPoint}`,
    putLines(fstab, [bindLine(share.directory, mountPoint)]),
    sh`if mountpoint -q ${mountPoint} && [ ! ${mountPoint} -ef ${share.directory} ]; then umount -l -- ${mountPoint}; fi`,
    sh`mountpoint -q ${mountPoint} || mount --bind -- ${share.directory} ${mountPoint}`,
    sh`printf '%s' ${exportsFile(share, args)} >${`${file}.new`}; mv -- ${`${file}.new`} ${file}`,
    sh`if [ -d /run/systemd/system ]; then timeout 60 systemctl start nfs-server >&2; fi`,
    sh`exportfs -ra`,
    sh`root=$(exportfs -s | awk '/[(,]fsid=0[,)]/ || /[(,]fsid=root[,)]/ { print $1; exit }')`,
    sh`printf '%s:%s\n' ${share.address} "$(awk -v path=${mountPoint} -v root="$root/" \
  'BEGIN { print index(path, root) == 1 ? substr(path, length(root)) : path }')"`,
  );
}

/** The mount, the exports as the kernel has them, and the line in the file systems table. */
export function kernelExportFacts(args: KernelExport): Shell {
  const { fstab, mountPoint, file } = parts(args);
  return lines(
    sh`printf 'exported directory: %s\n' "$(stat -c 'device %d, inode %i' ${mountPoint} 2>/dev/null)"`,
    sh`printf 'bind mount: %s\n' "$(mountpoint -q ${mountPoint} && echo mounted || echo none)"`,
    sh`printf 'exports: %s\n' "$(exportfs -s | awk -v path=${mountPoint} '$1 == path { print $2 }' | sort | tr '\n' ' ')"`,
    checksumFact("exports file", file),
    lineFacts(fstab),
  );
}

/** Takes back the export, the mount, the line and the folders, and nothing of anybody else's. */
export function unexportByKernel(args: KernelExport): Shell {
  const { exportFolder, exportsFolder, fstab, mountPoint, file } = parts(args);
  return lines(
    sh`rm -f -- ${file}`,
    sh`if command -v exportfs >/dev/null; then exportfs -ra; fi`,
    sh`while mountpoint -q ${mountPoint}; do umount -- ${mountPoint} || umount -l -- ${mountPoint}; done`,
    dropLines(fstab),
    sh`if [ -d ${mountPoint} ]; then rmdir -- ${mountPoint}; fi`,
    sh`for folder in ${[exportFolder, exportsFolder]}; do`,
    sh`  if [ -e "$folder/.duet" ] && [ "$(ls -A -- "$folder")" = .duet ]; then rm -- "$folder/.duet"; rmdir -- "$folder"; fi`,
    sh`done`,
  );
}
