import { readFileSync } from "node:fs";
import { pidIn } from "../sandbox/processes.ts";

/** A daemon that may be the one which answers for libvirt. */
export interface Daemon {
  /** Absolute path of its pid file. */
  readonly file: string;
  /** Name of its process. */
  readonly name: string;
}

/** Whether a daemon ends by itself if nobody is connected to it: Debian's libvirtd does, after 120 s. */
export type Habit = "stays" | "ends when idle";

/**
 * Watches the daemon that answers for libvirt: a provider whose daemon has died waits for its answer for ever.
 *
 * @param daemons those that it may be. The first that runs is meant; one that starts later is watched from then on.
 * @returns asked each second, says why a provider waits in vain, if it does
 */
export function watchLibvirt(daemons: readonly Daemon[], habit: Habit): () => string | undefined {
  const look = () => {
    const found = running(daemons);
    return found && { ...found, isAwaited: habit === "stays" || hasClient(found.pid) };
  };
  let seen = look();
  return () => {
    const before = seen;
    seen = look();
    return before?.isAwaited && seen?.pid !== before.pid ? `${before.name}, pid ${before.pid}, has died` : undefined;
  };
}

function running(daemons: readonly Daemon[]): { readonly name: string; readonly pid: number } | undefined {
  return daemons.flatMap(({ file, name }) => {
    const pid = pidIn(file, name);
    return pid === undefined ? [] : [{ name, pid }];
  })[0];
}

/** A connection to the socket of libvirt or of its part for QEMU. Source: proc(5), net/unix: 03 is "connected". */
const connection = /^\S+ \S+ \S+ \S+ \S+ 03 +\d+ .*\/libvirt\/(?:libvirt|virtqemud)-sock$/m;

/** Whether anybody is connected to a daemon: it does not end by itself then. */
function hasClient(pid: number): boolean {
  try {
    return connection.test(readFileSync(`/proc/${pid}/net/unix`, "utf8"));
  } catch {
    return false;
  }
}
