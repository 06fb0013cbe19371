import { join } from "node:path";

/** Folders of one user, from the environment. For entry points only. */
export interface Folders {
  /** `$XDG_CACHE_HOME/duet`: what can be made again, safe to delete. */
  readonly cache: string;
  /** `$XDG_STATE_HOME/duet`: what belongs to the stacks that stand, 0700. */
  readonly state: string;
}

/** Source: the XDG base directory specification, whose defaults these are. */
export function folders(environment: NodeJS.ProcessEnv): Folders {
  const home = environment.HOME || "/root";
  return {
    cache: join(environment.XDG_CACHE_HOME || join(home, ".cache"), "duet"),
    state: join(environment.XDG_STATE_HOME || join(home, ".local/state"), "duet"),
  };
}

/** Folder of one stack in the state. */
export function stackFolder(state: string, stack: string): string {
  return join(state, "stacks", stack);
}
