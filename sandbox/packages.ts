import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { consolePackages, hypervisorPackages, imagePackages, nfsPackages } from "../components/host/package-lists.ts";
import { scriptText } from "../components/machine/script-text.ts";
import { type Report, UserError } from "./report.ts";

/** All that the embedded host, its NFS server, its guest image, its web console and its debugger need. */
export const sandboxPackages: readonly string[] = [
  ...new Set([
    ...hypervisorPackages,
    ...imagePackages,
    ...nfsPackages("ganesha"),
    ...consolePackages,
    "gdb",
    "iproute2",
  ]),
].sort();

/** Those of the packages that are not installed. Reads dpkg's own database: one process, no network. */
export function missingPackages(packages: readonly string[]): string[] {
  const result = spawnSync("dpkg-query", ["-W", "-f", "${Package}\\t${db:Status-Status}\\n", ...packages], {
    encoding: "utf8",
    timeout: 30_000,
  });
  if (result.error) {
    throw new UserError(
      `cannot look for packages: dpkg-query: ${result.error.message}; use Debian 12 or a system of its kin`,
    );
  }
  const installed = new Set(
    result.stdout
      .split("\n")
      .flatMap((line) => (line.endsWith("\tinstalled") ? [line.slice(0, line.indexOf("\t"))] : [])),
  );
  return packages.filter((name) => !installed.has(name));
}

/**
 * @param what what the packages are for, in the words of a message: "build the guest image"
 * @throws UserError which names those of the packages that are missing
 */
export function requirePackages(what: string, packages: readonly string[] = sandboxPackages): void {
  const missing = missingPackages(packages);
  if (missing.length > 0) {
    throw new UserError(
      `cannot ${what}: packages are missing: ${missing.join(" ")}; install them: node sandbox/cli.ts packages`,
    );
  }
}

/**
 * Installs what is missing of the packages, through apt-get, and starts none of their services. Waits at most 300 s for
 * a lock that another dpkg holds.
 *
 * @throws UserError with apt's own first error.
 */
export async function installPackages(report: Report, packages: readonly string[] = sandboxPackages): Promise<void> {
  const missing = missingPackages(packages);
  if (missing.length === 0) {
    return;
  }
  const names = missing.join(" ");
  if (process.getuid?.() !== 0) {
    throw new UserError(`cannot install ${names}: it needs root; run as root or through sudo`);
  }
  const script = scriptText(import.meta.url, "packages.sh", {
    packages: missing,
    policy: join(import.meta.dirname, "policy-rc.d"),
    target: "/usr/sbin/policy-rc.d",
    fetch_namespace: undefined,
  });
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  // The terminal's signal reaches the script too, which ends by itself and cleans up.
  const wait = () => {};
  for (const signal of signals) {
    process.on(signal, wait);
  }
  try {
    await report(`install ${names}`, () => run(script, names));
  } finally {
    for (const signal of signals) {
      process.off(signal, wait);
    }
  }
}

/** @throws UserError with the script's last line, after some of what apt has said before it. */
function run(script: string, names: string): void {
  const result = spawnSync("bash", ["-c", script], {
    env: {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      LC_ALL: "C.UTF-8",
      DEBIAN_PRIORITY: "critical",
    },
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
    maxBuffer: 1 << 28,
    timeout: 3_600_000,
  });
  if (result.status !== 0) {
    const said = (result.stderr ?? "").trimEnd().split("\n");
    const last = said.pop() || `apt-get was ended by ${result.error?.message ?? result.signal ?? result.status}`;
    process.stderr.write(
      said
        .slice(-20)
        .map((line) => `${line}\n`)
        .join(""),
    );
    throw new UserError(last.startsWith("cannot ") ? last : `cannot install ${names}: ${last}; run this again`);
  }
}
