import * as pulumi from "@pulumi/pulumi";
import { endSharedConnection, guestAnswers } from "../guest/boot.ts";
import type { VirtualMachine } from "../guest/virtual-machine.ts";
import { readBuildId } from "../machine/build-id.ts";
import { checksumFact } from "../machine/checksum.ts";
import { completeDpkg, packageList, waitForDpkg } from "../machine/packages.ts";
import { fail, result } from "../machine/result.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";
import { sinceRecord } from "../machine/since-record.ts";
import type { KernelBuild } from "./kernel-build.ts";

export interface KernelInstallArgs {
  /** URI of libvirt. */
  readonly uri: string;
  /** Name of the domain. */
  readonly domain: string;
  readonly guest: VirtualMachine;
  readonly kernel: KernelBuild;
  /** Seconds that the guest may take to come up with the kernel. Defaults to 240, for a guest without KVM. */
  readonly timeout?: number;
  /** What has to be there before the package can be read: the mount of the sources. */
  readonly dependsOn: readonly pulumi.Resource[];
}

const grubFile = "/etc/default/grub.d/duet.cfg";
/** GRUB in the guest: a saved default, entries in one menu, and what a debugger needs of the command line. */
const grubSettings = `# Written by Duet.
GRUB_DEFAULT=saved
GRUB_SAVEDEFAULT=false
GRUB_DISABLE_SUBMENU=y
GRUB_DISABLE_OS_PROBER=true
GRUB_TIMEOUT=1
GRUB_RECORDFAIL_TIMEOUT=1
GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX nokaslr console=ttyS0"
`;

/** Prints release and build id of the kernel that runs, in a line. */
export const runningKernel = lines(
  sh`read -r release </proc/sys/kernel/osrelease`,
  readBuildId("/sys/kernel/notes"),
  sh`printf '%s %s\n' "$release" "$id"`,
);

/** Bash for the guest that installs the package, and completes an installation that was cut off. */
export function packageInstallScript(file: string): Shell {
  return lines(
    sh`export DEBIAN_FRONTEND=noninteractive`,
    sh`mkdir -p "$(dirname ${grubFile})"; printf '%s' ${grubSettings} >${grubFile}`,
    waitForDpkg,
    sh`${completeDpkg} >&2`,
    sh`dpkg --force-confold -i ${file} >&2 || ${fail(sh`${`${file} was to be installed, and dpkg could not, see its lines above`}`)}`,
    sh`update-grub >&2`,
    sh`sync`,
  );
}

const duetKernels = "linux-image-*+duet-*";

/** The Duet kernels that are installed in the guest, and GRUB's settings. */
export const packageInstallFacts = sinceRecord(
  [packageList({ shell: duetKernels }), grubFile],
  lines(
    sh`dpkg-query -W ${"-f=package ${Package}: ${Version} ${db:Status-Status}\\n"} ${duetKernels} 2>/dev/null`,
    checksumFact("GRUB settings", grubFile),
  ),
);

/** Removes the Duet kernel, unless it is the one that runs. */
export const packageRemoveScript = sh`rm -f -- ${grubFile}
for package in $(dpkg-query -W ${"-f=${Package}\\n"} ${duetKernels} 2>/dev/null || true); do
  case $package in "linux-image-$(uname -r)") ;; *) DEBIAN_FRONTEND=noninteractive dpkg --purge "$package" >&2 ;; esac
done
update-grub >&2`;

export interface BootKernelArgs {
  readonly uri: string;
  readonly domain: string;
  readonly ssh: readonly string[];
  readonly consoleLog: string;
  readonly release: string;
  readonly buildId: string;
  /** Absolute paths, for the decoding of a panic. */
  readonly source: string;
  readonly build: string;
  readonly timeout: number;
}

/** Bash for the guest: the fallback is the default, and the kernel is what boots next, once. */
function oneShot(release: string): Shell {
  return lines(
    sh`set -e`,
    sh`entries=$(grep -o "gnulinux-[^']*-advanced-[^']*" /boot/grub/grub.cfg)`,
    sh`wanted=$(grep -F -e ${`gnulinux-${release}-advanced-`} <<<"$entries" | head -n 1)`,
    sh`[ -n "$wanted" ] || ${fail(sh`${`kernel ${release} was asked for, and GRUB in the guest has no entry for it: is its package installed there?`}`)}`,
    sh`old=$(grep -vF -e +duet- <<<"$entries" | head -n 1 || true)`,
    sh`if [ -n "$old" ]; then grub-set-default "$old"; fi`,
    sh`grub-reboot "$wanted"; sync`,
  );
}

/** Bash for the guest: the kernel that has come up is the default from now on. */
function makeDefault(release: string): Shell {
  return sh`grub-set-default "$(grep -o "gnulinux-[^']*" /boot/grub/grub.cfg | grep -F -e ${`gnulinux-${release}-advanced-`} | head -n 1)"; sync`;
}

/**
 * Bash for the host that has the guest run one kernel: it is booted once, and is the default only after it has come
 * up. Where it does not come up, the guest is reset into its old kernel, and the console's last lines say why, decoded
 * to file and line where they hold addresses.
 */
export function bootKernelScript(args: BootKernelArgs): Shell {
  const { uri, domain, ssh, consoleLog, release, buildId, source, build, timeout } = args;
  const inGuest = (script: Shell, limit = 60): Shell =>
    sh`timeout ${limit} ${ssh} ${sh`bash -c ${script.shell}`.shell} </dev/null`;
  const wanted = `${release} ${buildId}`;
  const decoded = sh`{ tail -n 40 -- ${consoleLog} | timeout 60 ${`${source}/scripts/decode_stacktrace.sh`} ${`${build}/vmlinux`} ${source} 2>/dev/null || tail -n 40 -- ${consoleLog}; }`;
  return lines(
    guestAnswers(ssh, consoleLog),
    sh`running() { ${inGuest(runningKernel)} 2>/dev/null; }`,
    sh`boot_id() { timeout 15 ${ssh} cat /proc/sys/kernel/random/boot_id </dev/null 2>/dev/null; }`,
    sh`if [ "$(running)" != ${wanted} ]; then`,
    sh`  before=$(boot_id)`,
    sh`  ${inGuest(oneShot(release))} >&2`,
    sh`  forget_panic`,
    sh`  timeout 20 ${ssh} systemctl reboot </dev/null >/dev/null 2>&1 || true`,
    sh`  ${endSharedConnection(ssh)}`,
    sh`  end=$((SECONDS + ${timeout}))`,
    sh`  while now=$(boot_id || true); [ -z "$now" ] || [ "$now" = "$before" ]; do`,
    sh`    if panicked || [ "$SECONDS" -ge "$end" ]; then`,
    sh`      why=${`gave no answer for ${timeout} s`}; if panicked; then why=panicked; fi`,
    sh`      printf '%s\n' ${`kernel ${release} was asked for, and ${domain} booted it and `}"$why: it is reset into its old kernel; the last lines of its console were:" >&2`,
    sh`      ${decoded} >&2`,
    sh`      forget_panic`,
    sh`      virsh -q -c ${uri} reset -- ${domain} >&2`,
    sh`      await_guest ${timeout} || printf '%s\n' ${`${domain} did not come up with its old kernel either`} >&2`,
    sh`      exit 1`,
    sh`    fi`,
    sh`    sleep 1`,
    sh`  done`,
    sh`  found=$(running)`,
    sh`  [ "$found" = ${wanted} ] || ${fail(sh`${`kernel ${wanted} was asked for, and ${domain} came up with `}"$found"${`: see its console, ${consoleLog}`}`)}`,
    sh`fi`,
    sh`${inGuest(makeDefault(release))} >&2`,
    sh`printf 'running: %s\n' ${release}`,
  );
}

/** What runs in the guest and what would at its next boot. */
export const bootKernelFacts = lines(
  sh`printf 'running kernel: '`,
  runningKernel,
  // Its lines are NAME=VALUE. Source: GRUB's manual, "Environment block".
  sh`while IFS== read -r name entry && [ "$name" != saved_entry ]; do entry=; done </boot/grub/grubenv`,
  sh`printf 'default entry: %s\n' "$entry"`,
);

/**
 * Installs a kernel in a guest and has the guest run it. The old kernel stays as the fallback.
 *
 * Source: guide, step 10.
 */
export class KernelInstall extends pulumi.ComponentResource {
  /** What `uname -r` says in the guest, once it runs the kernel. */
  readonly release: pulumi.Output<string>;
  /** For `dependsOn`. */
  readonly resource: pulumi.Resource;

  constructor(name: string, args: KernelInstallArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:kernel:KernelInstall", name, {}, opts);
    const { guest, kernel, uri, domain } = args;
    const install = guest.machine.step(
      `${name}-package`,
      {
        title: `install the kernel in ${domain}`,
        create: kernel.package.apply(packageInstallScript),
        facts: packageInstallFacts,
        delete: packageRemoveScript,
      },
      { parent: this, dependsOn: [...args.dependsOn] },
    );
    const boot = guest.machine.step(
      `${name}-boot`,
      {
        title: `run the kernel in ${domain}`,
        create: pulumi
          .all([guest.ssh, kernel.release, kernel.buildId, install.stdout])
          .apply(([ssh, release, buildId]) =>
            bootKernelScript({
              uri,
              domain,
              ssh,
              consoleLog: guest.consoleLog,
              release,
              buildId,
              source: kernel.source,
              build: kernel.directory,
              timeout: args.timeout ?? 240,
            }),
          ),
        facts: bootKernelFacts,
        across: guest.ssh,
      },
      { parent: this, dependsOn: [install.resource] },
    );
    this.release = boot.stdout.apply((stdout) => result(stdout, ["running"]).running);
    this.resource = boot.resource;
    this.registerOutputs({ release: this.release });
  }
}
