import * as pulumi from "@pulumi/pulumi";
import { requirePath } from "../host/nfs-share.ts";
import type { Machine } from "../machine/machine.ts";
import { dropLines, lineFacts, type MarkedLines, putLines } from "../machine/marked-lines.ts";
import { fail } from "../machine/result.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";

export interface NfsMountArgs {
  /** The guest that mounts. */
  readonly guest: Machine;
  /** The stack to which the line in the guest's /etc/fstab belongs. */
  readonly stack: string;
  /** What to mount, as `address:/path`. */
  readonly source: pulumi.Input<string>;
  /** Absolute path of the mount point: the same as on the host, so that gdb finds what the guest compiled. */
  readonly directory: string;
  /** What must be there first: the export, and nfs-common in the guest. */
  readonly dependsOn?: readonly pulumi.Resource[];
}

/**
 * Options of every mount. Attributes are kept for one second only: make in the guest has to see what was edited on the
 * host.
 *
 * Source: nfs(5).
 */
const options = "vers=4.2,proto=tcp,sec=sys,hard,actimeo=1,lookupcache=positive";

/**
 * The guest's line in /etc/fstab. At boot the mount is tried in the background until it works, and no boot waits for it.
 *
 * Source: guide, step 6; systemd.mount(5) for `bg`.
 *
 * @throws where source or directory would say more than what they are
 */
export function mountLine(source: string, directory: string): string {
  const colon = source.lastIndexOf(":/");
  if (colon < 1 || !/^[\w.:[\]-]+$/.test(source.slice(0, colon))) {
    throw new Error(`an NFS mount takes address:/path, and was given ${JSON.stringify(source)}`);
  }
  requirePath(source.slice(colon + 1));
  return `${source} ${requirePath(directory)} nfs4 ${options},_netdev,nofail,bg,auto 0 0`;
}

function fstab(stack: string): MarkedLines {
  return { file: "/etc/fstab", owner: stack };
}

/** Defines `found`: what is mounted on the directory, or nothing; and `answers`: whether the server of it answers. */
function defineMounted(directory: string): Shell {
  return lines(
    sh`found() {
  local source target type last=
  while read -r source target type _; do
    if [ "$target" = ${directory} ] && [ "$type" != autofs ]; then last=$source; fi
  done </proc/mounts
  printf '%s\n' "$last"
}`,
    sh`answers() { timeout -k 1 10 stat -t -- ${`${directory}/.`} >/dev/null 2>&1; }`,
  );
}

/** Mounts the source now and at each boot. A mount whose server is gone, or another source's, makes room first. */
export function mountScript(source: string, directory: string, stack: string): Shell {
  const line = mountLine(source, directory);
  return lines(
    sh`command -v mount.nfs4 >/dev/null || ${fail(sh`'the sources are to be mounted over NFS, and mount.nfs4 is not installed in the guest: apt-get install nfs-common'`)}`,
    defineMounted(directory),
    putLines(fstab(stack), [line]),
    sh`if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi`,
    sh`if [ "$(found)" != ${source} ] || ! answers; then`,
    sh`  for _ in $(seq 20); do if [ -z "$(found)" ]; then break; fi; umount -l -- ${directory}; done`,
    sh`  mkdir -p -- ${directory}`,
    sh`  timeout -k 5 100 mount -t nfs4 -o ${`${options},retry=1`} -- ${source} ${directory} ||`,
    sh`    ${fail(sh`${`${source} is to be mounted on ${directory}, and its server does not let the guest in: see above; is the export up, and this guest among its clients?`}`)}`,
    sh`fi`,
    sh`answers || ${fail(sh`${`${source} is mounted on ${directory}, and does not answer within 10 s: is the NFS server up?`}`)}`,
  );
}

/** What is mounted, whether it answers, and the line for the next boot. */
export function mountFacts(directory: string, stack: string): Shell {
  return lines(
    defineMounted(directory),
    sh`source=$(found)`,
    sh`printf 'source: %s\n' "$source"`,
    // A dead server gives no answer until the facts' time is over.
    sh`if [ -n "$source" ] && [ -d ${`${directory}/.`} ]; then echo 'NFS: answers'; fi`,
    lineFacts(fstab(stack)),
  );
}

/** Unmounts, and takes the line back. */
export function unmountScript(directory: string, stack: string): Shell {
  return lines(
    defineMounted(directory),
    sh`for _ in $(seq 20); do if [ -z "$(found)" ]; then break; fi; umount -- ${directory} || umount -l -- ${directory}; done`,
    dropLines(fstab(stack)),
    sh`if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi`,
    sh`rmdir -- ${directory} 2>/dev/null || true`,
  );
}

/**
 * Mounts the host's sources in the guest, at the path that they have on the host.
 *
 * Source: guide, step 6. Owns the lines between its stack's marks in the guest's /etc/fstab.
 */
export class NfsMount extends pulumi.ComponentResource {
  /** The resource after which the sources are there. */
  readonly mounted: pulumi.Resource;

  constructor(name: string, args: NfsMountArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:guest:NfsMount", name, {}, opts);
    const { directory, stack } = args;
    this.mounted = args.guest.step(
      name,
      {
        title: `mount ${directory}`,
        create: pulumi.output(args.source).apply((source) => mountScript(source, directory, stack)),
        facts: mountFacts(directory, stack),
        delete: unmountScript(directory, stack),
      },
      { parent: this, dependsOn: [...(args.dependsOn ?? [])] },
    ).resource;
    this.registerOutputs({});
  }
}
