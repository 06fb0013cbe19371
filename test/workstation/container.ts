import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { aclPackages, hostPackages } from "../../components/host/package-lists.ts";
import { scriptText } from "../../components/machine/script-text.ts";
import { sh } from "../../components/machine/shell.ts";
import { markUsed } from "../../sandbox/cache.ts";
import { sandboxPackages } from "../../sandbox/packages.ts";
import { UserError } from "../../sandbox/report.ts";

/** What a command in the container left behind. */
export interface Ran {
  readonly code: number;
  /** What it printed, on both. */
  readonly output: string;
}

const setup = join(import.meta.dirname, "setup.sh");
/** What a workstation has beside what Duet installs for the embedded host. */
const base = ["cockpit", "dbus", "git", "iproute2", "less", "login", "nftables", "procps", "sudo", "systemd-sysv"];
/** The package of the kernel's sources. A later Debian has that of a later kernel. */
const kernelSource = "linux-source-6.1";

/** Absolute path of the root of a suite, in the cache: made once, and anew if its packages change. */
async function rootOf(suite: string, cache: string): Promise<string> {
  const own = suite === "bookworm" ? [...base, kernelSource] : base;
  const packages = [...new Set([...own, ...sandboxPackages, ...hostPackages("ganesha"), ...aclPackages])].sort();
  const values = { suite, packages, target: "x", setup };
  const key = createHash("sha256")
    .update(JSON.stringify([scriptText(import.meta.url, "root.sh", values), readFileSync(setup, "utf8")]))
    .digest("hex")
    .slice(0, 16);
  const target = join(cache, "workstation", `${suite}-${key}`);
  if (!existsSync(target)) {
    mkdirSync(dirname(target), { recursive: true });
    const made = await execa("bash", ["-c", scriptText(import.meta.url, "root.sh", { ...values, target })], {
      reject: false,
      stdio: ["ignore", "inherit", "inherit"],
    });
    if (made.failed) {
      throw new UserError(`cannot make the root of ${suite}: see mmdebstrap's lines above`);
    }
  }
  markUsed(target);
  return target;
}

/**
 * A workstation with systemd as PID 1, in a network of its own, on a root that is thrown away. What takes long is waited
 * for and never blocks: vitest gives up a worker that is silent for a minute.
 */
export class Container {
  /** Absolute path of the folder with what is its own. */
  readonly #work = mkdtempSync(join(tmpdir(), "duet-workstation-"));
  /** In it: what the container has written, overlayfs's own, its root, and /srv, from which NFS can serve. */
  readonly #folders = ["upper", "overlay", "merged", "srv"];
  readonly #root: string;
  readonly #log: string;
  /** Absolute path of the folder of what the last one of this suite has left in a sources directory, by its name. */
  readonly #kept: string;
  /** The process of systemd, as this machine sees it. */
  #leader = 0;
  #process: ReturnType<typeof spawn> | undefined;

  /** @param cache absolute path of Duet's cache */
  static async make(suite: string, cache: string): Promise<Container> {
    return new Container(await rootOf(suite, cache), join(cache, "workstation", `${suite}-sources`));
  }

  private constructor(root: string, kept: string) {
    this.#root = root;
    this.#kept = kept;
    this.#log = join(this.#work, "console.log");
    for (const name of this.#folders) {
      mkdirSync(join(this.#work, name));
    }
  }

  /** Absolute path of a file of the container's, while it is off; of one below /srv at any time. */
  file(path: string): string {
    return join(this.#work, path.startsWith("srv/") ? "" : "upper", path);
  }

  async boot(): Promise<void> {
    const [upper, overlay, merged, srv] = this.#folders.map((name) => join(this.#work, name));
    const mount = sh`mount -t overlay -o ${`lowerdir=${this.#root},upperdir=${upper},workdir=${overlay}`} overlay ${merged}`;
    const options = [
      ...["--register=no", "--keep-unit", "--private-network", "--link-journal=no", "--capability=all", "--boot"],
      ...["--system-call-filter=open_by_handle_at", `--directory=${merged}`, `--bind=${srv}:/srv`],
    ];
    const log = openSync(this.#log, "a", 0o600);
    this.#process = spawn("unshare", ["--mount", "bash", "-c", sh`${mount} && exec systemd-nspawn ${options}`.shell], {
      stdio: ["ignore", log, log],
      env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1" },
    });
    for (let left = 120; left > 0; left -= 1) {
      await sleep(500);
      this.#leader = this.#findLeader();
      if (this.#leader > 0 && /running|degraded/.test((await this.run("root", "systemctl is-system-running")).output)) {
        // On a network that has IPv6, and no address of it, nfs-ganesha takes every address.
        await this.run("root", "ip -6 address add fd00:d0e7::1/128 dev lo");
        return;
      }
    }
    throw new Error(`the container did not boot: ${readFileSync(this.#log, "utf8").slice(-500)}`);
  }

  /** Runs bash as somebody, in a login of theirs. Nobody has a terminal. */
  async run(user: string, script: string): Promise<Ran> {
    const words = ["-t", String(this.#leader), "--all", "--", "su", "--login", user, "--command", script];
    const { exitCode = 1, all } = await execa("nsenter", words, {
      all: true,
      detached: true,
      maxBuffer: 1 << 28,
      reject: false,
      stdin: "ignore",
      stripFinalNewline: false,
    });
    return { code: exitCode, output: all };
  }

  /** Puts a folder or a file of this machine into the container while it is off, as somebody's. */
  async give(from: string, to: string, owner: string): Promise<void> {
    const target = this.file(to);
    const parents = sh`mkdir -p ${dirname(target)} && cp -a --reflink=auto -T ${from} ${target}`;
    const given = await execa("bash", ["-c", sh`${parents} && chown -Rh ${owner} ${target}`.shell], { reject: false });
    if (given.failed) {
      throw new Error(`cannot give ${from} to the container: ${given.stderr}`);
    }
  }

  /**
   * Gives the container, which is off, what was kept of a sources directory, as somebody's.
   *
   * @param directory absolute path in the container, below /srv
   * @returns whether anything was
   */
  async giveKept(directory: string, owner: string): Promise<boolean> {
    const kept = join(this.#kept, basename(directory));
    const isThere = existsSync(kept);
    if (isThere) {
      await this.give(kept, directory.slice(1), owner);
    }
    return isThere;
  }

  /** Keeps what stacks that are gone have left in a sources directory. The build of a kernel takes half an hour. */
  async keep(directory: string): Promise<void> {
    const kept = join(this.#kept, basename(directory));
    mkdirSync(this.#kept, { recursive: true });
    await rm(kept, { recursive: true, force: true });
    await execa("mv", ["-T", "--", this.file(directory.slice(1)), kept]);
  }

  /** Unpacks the kernel's sources of this machine's package to the container, which is off, as somebody's. */
  async giveKernel(to: string, owner: string): Promise<void> {
    const target = this.file(to);
    mkdirSync(target, { recursive: true });
    await execa("tar", ["-xJf", `/usr/src/${kernelSource}.tar.xz`, "--strip-components=1", "-C", target]);
    await execa("chown", ["-Rh", owner, dirname(target)]);
  }

  /** Shuts it down in order, as a person does. */
  async stop(): Promise<void> {
    if (this.#process === undefined || this.#process.exitCode !== null) {
      return;
    }
    const ended = new Promise((resolve) => this.#process?.on("exit", resolve));
    await this.run("root", "systemctl --no-block poweroff");
    const isEnded = await Promise.race([ended.then(() => true), sleep(90_000).then(() => false)]);
    if (!isEnded && this.#leader > 0) {
      process.kill(this.#leader, "SIGKILL");
      await ended;
    }
    removeGroups();
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.#work, { recursive: true, force: true });
  }

  /** systemd is the child of nspawn, which is what the process has become. */
  #findLeader(): number {
    const { stdout } = spawnSync("ps", ["--no-headers", "-o", "pid:1", "--ppid", String(this.#process?.pid)], {
      encoding: "utf8",
    });
    return Number(stdout.trim().split("\n")[0]);
  }
}

/** nspawn leaves its two groups of processes behind if it was told to keep its unit. Source: cgroups(7). */
function removeGroups(): void {
  const mounts = readdirSync("/sys/fs/cgroup", { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const mount of ["", ...mounts.map(({ name }) => name)]) {
    for (const name of ["payload", "supervisor"]) {
      removeTree(join("/sys/fs/cgroup", mount, name));
    }
  }
}

function removeTree(folder: string): void {
  if (!existsSync(folder)) {
    return;
  }
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) {
      removeTree(join(folder, entry.name));
    }
  }
  try {
    rmdirSync(folder);
  } catch {
    // Somebody else is in it.
  }
}
