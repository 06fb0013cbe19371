import { join } from "node:path";
import { sharedFolder } from "../components/names.ts";
import { baseDirectory } from "../sandbox/paths.ts";

/** Folders of one user, from the environment. For entry points only. */
export interface Folders {
  /** `$XDG_CACHE_HOME/duet`: what can be made again, safe to delete. */
  readonly cache: string;
  /** `$XDG_STATE_HOME/duet`: what belongs to the stacks that stand, 0700. */
  readonly state: string;
  /** `/var/lib/duet`, or $DUET_SHARED: what root keeps for all who use the host. */
  readonly shared: string;
}

export function folders(environment: NodeJS.ProcessEnv): Folders {
  return {
    cache: join(baseDirectory(environment, "XDG_CACHE_HOME"), "duet"),
    state: join(baseDirectory(environment, "XDG_STATE_HOME"), "duet"),
    shared: environment.DUET_SHARED || sharedFolder,
  };
}

/** Folder of one stack in the state. */
export function stackFolder(state: string, stack: string): string {
  return join(state, "stacks", stack);
}

/** Folder of leases, of a user's own host in the state, and of a host that others use in what root keeps there. */
export function leasesOf(folder: string): string {
  return join(folder, "leases");
}
