import * as pulumi from "@pulumi/pulumi";
import type { Machine } from "../machine/machine.ts";
import { installPackages, packageFacts } from "../machine/packages.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";

/** Debian packages that the host needs to build a kernel, and to debug it. */
export const buildPackages: readonly string[] = [
  "bc",
  "bison",
  "build-essential",
  "ccache",
  "cpio",
  "dpkg-dev",
  "flex",
  "gdb",
  "git",
  "kmod",
  "libelf-dev",
  "libssl-dev",
  "rsync",
  "xz-utils",
];

export interface HostPackagesArgs {
  readonly host: Machine;
  /** Names of Debian packages. Defaults to what building and debugging a kernel takes. */
  readonly packages?: readonly string[];
  /** The developer's UID. */
  readonly uid: number;
  /** Groups that the developer joins, where they are. Defaults to kvm and libvirt. */
  readonly groups?: readonly string[];
  /** Absolute path of the file that notes which groups were joined. */
  readonly joined: string;
  /** Path of the network namespace that reaches the archive. Defaults to that in which Pulumi runs. */
  readonly fetchNamespace?: string | undefined;
}

/** Adds the developer to the groups that there are, where the developer has an account on this host. */
export function joinGroups(uid: number, groups: readonly string[]): Shell {
  if (groups.length === 0) {
    return sh`:`;
  }
  return sh`if user=$(getent passwd ${uid} | cut -d: -f1) && [ -n "$user" ] && [ ${uid} -ge 1000 ]; then
  for group in ${groups}; do
    if getent group "$group" >/dev/null && ! id -nG -- "$user" | tr ' ' '\n' | grep -qxF -e "$group"; then
      gpasswd -a "$user" "$group" >&2
      printf '%s %s\n' "$user" "$group" >>"$joined"
    fi
  done
fi`;
}

/** Takes the developer out of the groups again that `joinGroups` noted. */
export function leaveGroups(joined: string): Shell {
  return lines(
    sh`if [ -e ${joined} ]; then`,
    sh`  while read -r user group; do gpasswd -d "$user" "$group" >&2 || true; done <${joined}`,
    sh`  rm -f -- ${joined}`,
    sh`fi`,
  );
}

/**
 * The packages of the host, and the developer's membership in kvm and libvirt. Packages stay at destroy.
 *
 * Source: guide, steps 1 and 7.
 */
export class HostPackages extends pulumi.ComponentResource {
  /** For `dependsOn`. */
  readonly resource: pulumi.Resource;

  constructor(name: string, args: HostPackagesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:host:HostPackages", name, {}, opts);
    const packages = args.packages ?? buildPackages;
    const step = args.host.step(
      name,
      {
        title: "install the packages of the host",
        create: lines(
          installPackages(packages, args.fetchNamespace),
          sh`joined=${args.joined}; mkdir -p -- "$(dirname "$joined")"`,
          joinGroups(args.uid, args.groups ?? ["kvm", "libvirt"]),
        ),
        facts: packageFacts(packages),
        delete: leaveGroups(args.joined),
      },
      { parent: this },
    );
    this.resource = step.resource;
    this.registerOutputs({});
  }
}
