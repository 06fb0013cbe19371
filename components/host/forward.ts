import { hostname, userInfo } from "node:os";
import { sh } from "../machine/shell.ts";

/** As whom and where a person logs in to this host by ssh: `user@host`. */
export function loginHere(environment: NodeJS.ProcessEnv): string {
  return `${environment.SUDO_USER || userInfo().username}@${hostname()}`;
}

/**
 * The guide's own line for what listens on loopback: typed on another machine, it makes the address that one's, too.
 *
 * @param listening `ADDRESS:PORT`
 */
export function forward(listening: string, login: string): string {
  const port = listening.slice(listening.lastIndexOf(":") + 1);
  return sh`ssh -f -N -L ${`${port}:${listening}`} ${login}`.shell;
}
