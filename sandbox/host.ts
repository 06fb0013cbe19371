import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { dirname, join } from "node:path";
import { type Accelerator, hostAccelerator } from "./accelerator.ts";
import { enterSandbox, libvirtdConfiguration, qemuConfiguration } from "./configuration.ts";
import { exclusive } from "./exclusive.ts";
import { bringLoopbackUp, makeNamespaces, namespaceFile, namespacesOf, removeNamespaces } from "./namespace.ts";
import { requirePackages } from "./packages.ts";
import type { SandboxPaths } from "./paths.ts";
import { end, isIn, pidIn, processName, run, sandboxProcesses, until } from "./processes.ts";
import { type Report, UserError } from "./report.ts";

/** One part of the embedded host. */
export interface PartStatus {
  readonly name: string;
  readonly up: boolean;
  readonly pid?: number;
}

/** What of the embedded host is there. */
export interface SandboxStatus {
  /** Whether every part is up. */
  readonly running: boolean;
  readonly namespace: string;
  readonly uri: string;
  readonly accelerator: Accelerator;
  readonly parts: readonly PartStatus[];
  /** Processes in the namespace and of libvirtd: guests, DHCP and NFS servers, and whoever debugs there. */
  readonly processes: readonly { readonly pid: number; readonly name: string }[];
  readonly logs: { readonly libvirtd: string; readonly guests: string };
}

/** Programs that are the sandbox's own, when they run in its namespace; anything else is somebody's work there. */
const ownNames = /^(libvirtd|qemu-system-.*|dnsmasq|ganesha\.nfsd|duet-watch)$/;

/** Brings the embedded host up: checks each part, and starts what is missing. */
export async function start(paths: SandboxPaths, report: Report): Promise<void> {
  if ((await parts(paths)).every((part) => part.up)) {
    return;
  }
  requireRoot("start the embedded host");
  requirePackages("start the embedded host");
  const unlock = await lock(paths);
  try {
    makeDirectories(paths);
    if (!namespacesOf(paths).every(({ up }) => up)) {
      await report(`network namespace ${paths.namespace}`, () => makeNamespaces(paths));
    }
    bringLoopbackUp(paths);
    if (!(await libvirtdIsUp(paths))) {
      await report("libvirtd", () => startLibvirtd(paths));
    }
    const deaf = networksWithoutDnsmasq(paths);
    const pid = pidIn(join(paths.run, "libvirtd.pid"), "libvirtd");
    if (deaf.length > 0 && pid !== undefined) {
      await report(`DHCP and DNS of ${deaf.join(", ")}`, async () => {
        // A killed dnsmasq counts as alive to libvirtd until somebody has reaped it: ask again.
        for (let second = 0; second < 15; second++) {
          process.kill(pid, "SIGHUP");
          if (await until(1000, () => networksWithoutDnsmasq(paths).length === 0)) {
            return;
          }
        }
        throw new UserError(
          `cannot bring up ${deaf.join(", ")}: dnsmasq does not come back; see ${join(paths.log, "libvirtd.log")}`,
        );
      });
    }
  } finally {
    unlock();
  }
}

/** Ends what belongs to the embedded host, and only that, and removes every trace of it. Harmless when repeated. */
export async function stop(paths: SandboxPaths, report: Report): Promise<void> {
  const namespace = namespaceFile(paths.namespace);
  if (![namespace, paths.runDirectory, paths.state].some((path) => existsSync(path))) {
    return;
  }
  requireRoot("stop the embedded host");
  const unlock = await lock(paths);
  try {
    await report("stop", async () => {
      const present = sandboxProcesses(namespace, paths.mark);
      const own = present.filter((process) => process.marked || ownNames.test(process.name));
      const pids = (daemon: boolean) => own.filter((p) => (p.name === "libvirtd") === daemon).map((p) => p.pid);
      await end(pids(true));
      await end(pids(false));
      // What libvirtd had under way when it was asked to end.
      await end(sandboxProcesses(namespace, paths.mark).flatMap((p) => (p.marked ? [p.pid] : [])));
      for (const other of present.filter((process) => !own.includes(process) && processName(process.pid))) {
        process.stderr.write(`sandbox: left alone in ${paths.namespace}: ${other.name}, pid ${other.pid}\n`);
      }
      removeNamespaces(paths);
      const created = readOptional(join(paths.state, "created"));
      run("rm", ["-rf", "--one-file-system", "--", paths.runDirectory, paths.state], "remove the sandbox's files");
      removeEmpty(dirname(paths.state), created ?? paths.state);
    });
  } finally {
    unlock();
  }
}

/** Tells what of the embedded host is there, without changing anything. */
export async function status(paths: SandboxPaths): Promise<SandboxStatus> {
  const found = await parts(paths);
  return {
    running: found.every((part) => part.up),
    namespace: paths.namespace,
    uri: paths.uri,
    accelerator: hostAccelerator(),
    parts: found,
    processes: sandboxProcesses(namespaceFile(paths.namespace), paths.mark).map(({ pid, name }) => ({ pid, name })),
    logs: { libvirtd: join(paths.log, "libvirtd.log"), guests: paths.guestLogDirectory },
  };
}

/** The words that run a command inside of the sandbox's network. */
export function inside(paths: SandboxPaths, command: readonly string[]): string[] {
  return ["ip", "netns", "exec", paths.namespace, ...command];
}

/** @throws UserError unless the process runs as root. */
export function requireRoot(what: string): void {
  if (process.getuid?.() !== 0) {
    throw new UserError(`cannot ${what}: it needs root; run as root or through sudo`);
  }
}

async function parts(paths: SandboxPaths): Promise<PartStatus[]> {
  const deaf = networksWithoutDnsmasq(paths);
  return [
    ...namespacesOf(paths).map(({ name, up }) => ({ name: `namespace ${name}`, up })),
    {
      name: "libvirtd",
      up: await libvirtdIsUp(paths),
      pid: pidIn(join(paths.run, "libvirtd.pid"), "libvirtd"),
    },
    { name: deaf.length === 0 ? "networks" : `networks (no dnsmasq: ${deaf.join(", ")})`, up: deaf.length === 0 },
  ];
}

async function libvirtdIsUp(paths: SandboxPaths): Promise<boolean> {
  const pid = pidIn(join(paths.run, "libvirtd.pid"), "libvirtd");
  return pid !== undefined && isIn(namespaceFile(paths.namespace), pid) && (await answers(paths.socket));
}

/** Networks that have a DHCP and DNS server on record which is not running. */
function networksWithoutDnsmasq(paths: SandboxPaths): string[] {
  const directory = join(paths.run, "libvirt/network");
  const files = list(directory);
  // A network that is up has a status file; driver.pid is libvirtd's own.
  return files
    .flatMap((file) => (file.endsWith(".xml") ? [file.slice(0, -".xml".length)] : []))
    .filter((network) => files.includes(`${network}.pid`))
    .filter((network) => pidIn(join(directory, `${network}.pid`), "dnsmasq") === undefined);
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socket);
    const settle = (value: boolean) => {
      connection.destroy();
      resolve(value);
    };
    connection.setTimeout(2000, () => settle(false));
    connection.on("connect", () => settle(true)).on("error", () => settle(false));
  });
}

function makeDirectories(paths: SandboxPaths): void {
  const owner = readOptional(join(paths.runDirectory, "owner"));
  if (owner !== undefined && owner !== paths.state) {
    throw new UserError(`cannot use ${paths.runDirectory}: it belongs to the sandbox of ${owner}; stop that one first`);
  }
  const created = mkdirSync(paths.state, { recursive: true, mode: 0o700 });
  if (created !== undefined) {
    writeFileSync(join(paths.state, "created"), created);
  }
  mkdirSync(paths.runDirectory, { recursive: true, mode: 0o700 });
  writeFileSync(join(paths.runDirectory, "owner"), paths.state);
  const seen = [paths.run, join(paths.run, "lock"), join(paths.runDirectory, "dev"), paths.etc, paths.lib];
  for (const path of [...seen, paths.cache, paths.guestLogDirectory, join(paths.lib, "images")]) {
    mkdirSync(path, { recursive: true, mode: 0o755 });
  }
  writeFileSync(join(paths.etc, "libvirtd.conf"), libvirtdConfiguration(paths));
  writeFileSync(join(paths.etc, "qemu.conf"), qemuConfiguration());
}

async function startLibvirtd(paths: SandboxPaths): Promise<void> {
  const stale = sandboxProcesses(namespaceFile(paths.namespace), paths.mark).filter(
    (process) => process.name === "libvirtd",
  );
  await end(stale.map((process) => process.pid));
  const script = enterSandbox(paths, hostAccelerator(), ["libvirtd", "--daemon"]);
  const words = ["unshare", "--mount", "--propagation", "private", "bash", "-c", script];
  const [program, ...rest] = inside(paths, words) as [string, ...string[]];
  run(program, rest, "start libvirtd", () => lastLines(join(paths.log, "libvirtd.log")));
  if (!(await until(30_000, () => answers(paths.socket)))) {
    throw new UserError(
      `cannot start libvirtd: it does not answer on ${paths.socket} after 30 s: ${lastLines(join(paths.log, "libvirtd.log"))}`,
    );
  }
}

/** One start or stop at a time for each sandbox. */
function lock({ namespace }: SandboxPaths): Promise<() => void> {
  return exclusive(`the embedded host ${namespace}`, `sandbox:${namespace}`, 120_000, "another start or stop");
}

/** Removes a directory and its parents while they are empty, up to the first one, and no further. */
export function removeEmpty(directory: string, first: string): void {
  for (let path = directory; path === first || path.startsWith(`${first}/`); path = dirname(path)) {
    try {
      rmdirSync(path);
    } catch {
      return;
    }
  }
}

function lastLines(file: string): string {
  return (readOptional(file) ?? "").trim().split("\n").slice(-3).join("; ");
}

function readOptional(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
