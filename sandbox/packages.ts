import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type Report, UserError } from "./report.ts";

/** Debian packages with libvirt, QEMU, and what libvirt's provider runs. Source: guide, step 1. */
export const hypervisorPackages: readonly string[] = [
  "dnsmasq-base",
  "genisoimage",
  "iptables",
  "libvirt-clients",
  "libvirt-daemon",
  "libvirt-daemon-driver-qemu",
  "libvirt-daemon-system",
  "openssh-client",
  "qemu-system-x86",
  "qemu-utils",
  "xsltproc",
];

/** Those that building the guest image takes. */
export const imagePackages: readonly string[] = [
  "debian-archive-keyring",
  "e2fsprogs",
  "fdisk",
  "grub-common",
  "grub-pc-bin",
  "mmdebstrap",
  "qemu-utils",
];

/** All that the embedded host, its NFS server, its guest image and its debugger need. */
export const sandboxPackages: readonly string[] = [
  ...new Set([...hypervisorPackages, ...imagePackages, "gdb", "iproute2", "nfs-ganesha", "nfs-ganesha-vfs"]),
].sort();

/** Those of the packages that are not installed. Reads dpkg's own database: one process, no network. */
export function missingPackages(packages: readonly string[] = sandboxPackages): string[] {
  const result = spawnSync("dpkg-query", ["-W", "-f", "${Package}\\t${db:Status-Status}\\n", ...packages], {
    encoding: "utf8",
    timeout: 30_000,
  });
  if (result.error) {
    throw new UserError(`this is for Debian 12 and its kin: dpkg-query: ${result.error.message}`);
  }
  const installed = new Set(
    result.stdout
      .split("\n")
      .flatMap((line) => (line.endsWith("\tinstalled") ? [line.slice(0, line.indexOf("\t"))] : [])),
  );
  return packages.filter((name) => !installed.has(name));
}

const policyFile = "/usr/sbin/policy-rc.d";
/** Its second line tells ours from anybody else's, so that one left by a kill is known at the next run. */
const policy = "#!/bin/sh\n# duet: no service starts while the sandbox's packages are installed\nexit 101\n";

/**
 * Installs what is missing of the packages, through apt-get. Waits at most 300 s for a lock that another dpkg holds.
 *
 * @param services whether their services are started, as apt-get does by itself. Defaults to false.
 * @throws UserError with apt's own first error.
 */
export async function installPackages(
  report: Report,
  packages: readonly string[] = sandboxPackages,
  services = false,
): Promise<void> {
  const missing = missingPackages(packages);
  if (missing.length === 0) {
    return;
  }
  if (process.getuid?.() !== 0) {
    throw new UserError(`to install ${missing.join(" ")} needs root: run as root or through sudo`);
  }
  removeOwnPolicy();
  const own = !services && !existsSync(policyFile);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  // apt gets the terminal's signal too, and ends by itself: what is left to do here is the policy file.
  const wait = () => {};
  try {
    if (own) {
      writeFileSync(policyFile, policy, { mode: 0o755 });
    }
    for (const signal of signals) {
      process.on(signal, wait);
    }
    await report(`install ${missing.join(" ")}`, () => {
      const install = ["install", "--no-install-recommends", ...missing];
      if (apt(["--simulate", ...install]) !== undefined) {
        failOn(apt(["update"]), "update the package lists");
      }
      if (dpkg(["--audit"]) !== "" || readdirSync("/var/lib/dpkg/updates").length > 0) {
        dpkg(["--configure", "-a"]);
      }
      const first = apt(install);
      if (first !== undefined) {
        // Lists that are older than the archive name files that are gone.
        failOn(apt(["update"]), "update the package lists");
        failOn(apt(install), `install ${missing.join(" ")}`);
      }
    });
  } finally {
    removeOwnPolicy();
    for (const signal of signals) {
      process.off(signal, wait);
    }
  }
}

function removeOwnPolicy(): void {
  if (existsSync(policyFile) && readFileSync(policyFile, "utf8") === policy) {
    rmSync(policyFile);
  }
}

function failOn(problem: string | undefined, what: string): void {
  if (problem !== undefined) {
    throw new UserError(`could not ${what}: ${problem}`);
  }
}

/** Runs apt-get; its first error line, or undefined where all went well. */
function apt(words: readonly string[]): string | undefined {
  const options = ["-qq", "-y", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0", "-o", "Acquire::Retries=3"];
  const result = spawnSync("apt-get", [...options, ...words], {
    env: { ...quietEnvironment(), APT_LISTCHANGES_FRONTEND: "none" },
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    maxBuffer: 1 << 28,
    timeout: 1_800_000,
  });
  if (result.status === 0) {
    return undefined;
  }
  const said = result.stderr.split("\n");
  return said.find((line) => /^(E|dpkg):/.test(line)) ?? result.error?.message ?? `exit status ${result.status}`;
}

function dpkg(words: readonly string[]): string {
  const result = spawnSync("dpkg", words, { env: quietEnvironment(), encoding: "utf8", timeout: 600_000 });
  return result.stdout.trim();
}

function quietEnvironment(): NodeJS.ProcessEnv {
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    LC_ALL: "C.UTF-8",
    DEBIAN_FRONTEND: "noninteractive",
    DEBIAN_PRIORITY: "critical",
    NEEDRESTART_SUSPEND: "1",
  };
}
