import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { folders } from "../../launcher/environment.ts";
import { isIn, processName } from "../../sandbox/processes.ts";

/** What `destroy` has to give back as it was. Installed packages and caches are left aside, as is what they change. */
export interface Snapshot {
  /** Names of the processes that the project starts, with how often they run. */
  readonly processes: readonly string[];
  readonly namespaces: readonly string[];
  readonly links: readonly string[];
  readonly mounts: readonly string[];
  /** Path, kind, mode, owner and content of each file. */
  readonly etc: readonly string[];
  readonly home: readonly string[];
}

/** Names as the kernel has them, of 15 characters at most; Node's are those of the script that it runs. */
const ours =
  /^(?:libvirtd|virtlogd|dnsmasq|ganesha\.nfsd|qemu-system-x86|gdb|ssh|pulumi\S*|terraform-provi|cockpit-\S+|systemd-socket-|libvirt-dbus|duet-watch|make|cc1|main\.ts|launch\.ts)$/;

function linesOf(program: string, ...words: readonly string[]): readonly string[] {
  return execFileSync(program, words, { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "")
    .sort();
}

/**
 * Of configuration the contents are read, too: of files of up to 1 MiB, at most three levels down. Below that, and for
 * larger ones, size and time stand for them, so that a home of many gigabytes is read in seconds.
 */
function contentOf(
  path: string,
  { size, mtimeMs }: { readonly size: number; readonly mtimeMs: number },
  level: number,
) {
  return size <= 2 ** 20 && level <= 3
    ? createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 16)
    : `${size} of ${mtimeMs}`;
}

function* filesBelow(folder: string, leftAside: ReadonlySet<string>, level = 1): Generator<string> {
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (leftAside.has(path)) {
      continue;
    }
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) {
      continue;
    }
    const content = stat.isFile() ? contentOf(path, stat, level) : stat.isSymbolicLink() ? readlinkSync(path) : "";
    yield `${path} ${stat.mode.toString(8)} ${stat.uid}:${stat.gid} ${content}`;
    if (stat.isDirectory()) {
      yield* filesBelow(path, leftAside, level + 1);
    }
  }
}

/** Name of a process, or of the script that Node runs in it; undefined if it has ended. */
function programOf(pid: number): string | undefined {
  const name = processName(pid);
  if (name !== "node" && name !== "MainThread") {
    return name;
  }
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return basename(words.slice(1).find((word) => !word.startsWith("-")) ?? name);
  } catch {
    return undefined;
  }
}

/** Processes of the names that are ours, but for those in the embedded host of the developer, who may be at work. */
function processesBeside(developers: string): readonly string[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && !isIn(developers, pid))
    .map((pid) => programOf(pid) ?? "")
    .filter((name) => ours.test(name))
    .sort();
}

/**
 * Reads all of it from this machine. The embedded host of the default state, and that state, are the developer's.
 *
 * @param environment such as process.env: HOME is read
 */
export function snapshot(environment: NodeJS.ProcessEnv): Snapshot {
  const home = environment.HOME || "/root";
  const { state } = folders({ HOME: home });
  const leftAside = [...[".cache", ".npm", ".config/go", "go"].map((name) => join(home, name)), state];
  return {
    processes: processesBeside("/run/netns/duet"),
    namespaces: linesOf("ip", "netns", "list").map((line) => line.split(" ")[0] ?? ""),
    links: linesOf("ip", "-br", "link").map((line) => line.split(/\s+/)[0] ?? ""),
    mounts: readFileSync("/proc/mounts", "utf8").split("\n").sort(),
    etc: [...filesBelow("/etc", new Set(["/etc/ld.so.cache"]))],
    home: [...filesBelow(home, new Set(leftAside))],
  };
}

/** What one snapshot has and the other has not, a line each: `+` came, `-` went. */
export function difference(before: Snapshot, after: Snapshot): readonly string[] {
  const missing = (lines: readonly string[], from: readonly string[]): readonly string[] => {
    const left = new Map<string, number>();
    for (const line of from) {
      left.set(line, (left.get(line) ?? 0) + 1);
    }
    return lines.filter((line) => {
      const count = left.get(line) ?? 0;
      left.set(line, count - 1);
      return count <= 0;
    });
  };
  return (Object.keys(before) as (keyof Snapshot)[]).flatMap((part) => [
    ...missing(after[part], before[part]).map((line) => `+ ${part}: ${line}`),
    ...missing(before[part], after[part]).map((line) => `- ${part}: ${line}`),
  ]);
}
