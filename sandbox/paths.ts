import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";

/** What an entry point reads, such as process.env. */
type Environment = Readonly<Record<string, string | undefined>>;

const baseDirectories = { XDG_CACHE_HOME: ".cache", XDG_CONFIG_HOME: ".config", XDG_STATE_HOME: ".local/state" };

function homeDirectory(environment: Environment): string {
  return environment.HOME || homedir();
}

/**
 * A base directory of the user's. For entry points only.
 *
 * Source: the XDG base directory specification, whose defaults these are; an empty variable is an unset one.
 */
export function baseDirectory(environment: Environment, name: keyof typeof baseDirectories): string {
  return environment[name] || join(homeDirectory(environment), baseDirectories[name]);
}

/** Where the parts of one embedded host are. Nothing of it is made by asking. */
export interface SandboxPaths {
  /** Name of the network namespace, as `ip netns exec` takes it. */
  readonly namespace: string;
  /** Name of the namespace from which the sandbox was started: where downloads go, which the sandbox cannot reach. */
  readonly outerNamespace: string;
  /** The libvirt URI, for virsh and for the provider, from inside and from outside of the namespace. */
  readonly uri: string;
  /** Folder of the sockets and pid files, under /run so that a socket's path is never too long. 0700. */
  readonly runDirectory: string;
  /** What the sandbox's libvirtd sees as /run. */
  readonly run: string;
  /** Absolute path of libvirtd's socket, as seen from outside. */
  readonly socket: string;
  /** Folder of all of the sandbox's state, removed by `stop`. 0700. */
  readonly state: string;
  /** What the sandbox's libvirtd sees as /etc/libvirt, /var/lib/libvirt, /var/cache/libvirt and /var/log/libvirt. */
  readonly etc: string;
  readonly lib: string;
  readonly cache: string;
  readonly log: string;
  /** Folder of the logs of libvirtd's guests: libvirtd's own name for it is `guestLogs`. */
  readonly guestLogDirectory: string;
  /** `/var/log/libvirt/qemu`: where a domain's XML says its console is logged, seen outside in guestLogDirectory. */
  readonly guestLogs: string;
  /** Folder for storage pools, in libvirtd's own view of its files. */
  readonly images: string;
  /** Mark by which the mounts, and so the processes, of this sandbox are known: the source of its private /dev. */
  readonly mark: string;
}

/**
 * Names the parts of the embedded host of one state directory.
 *
 * The namespace is `duet` for the default state directory. Any other gets a name of its own, so that tests run beside
 * a developer's sandbox.
 *
 * @param environment such as process.env: XDG_STATE_HOME and HOME are read. For entry points only.
 */
export function sandboxPathsFrom(environment: Environment): SandboxPaths {
  const stateHome = baseDirectory(environment, "XDG_STATE_HOME");
  const isDefault = stateHome === baseDirectory({ HOME: homeDirectory(environment) }, "XDG_STATE_HOME");
  const namespace = isDefault ? "duet" : `duet-${createHash("sha256").update(stateHome).digest("hex").slice(0, 6)}`;
  const runDirectory = `/run/${namespace}`;
  const run = `${runDirectory}/run`;
  const socket = `${run}/libvirt/libvirt-sock`;
  const state = join(stateHome, "duet/sandbox");
  return {
    namespace,
    outerNamespace: `${namespace}-outer`,
    uri: `qemu+unix:///system?socket=${socket}`,
    runDirectory,
    run,
    socket,
    state,
    etc: join(state, "etc"),
    lib: join(state, "lib"),
    cache: join(state, "cache"),
    log: join(state, "log"),
    guestLogDirectory: join(state, "log/qemu"),
    guestLogs: "/var/log/libvirt/qemu",
    images: "/var/lib/libvirt/images",
    mark: namespace,
  };
}
