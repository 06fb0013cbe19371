import { type Shell, sh } from "../machine/shell.ts";

/** The account on the host that owns sources and builds, and that a guest's account mirrors. */
export interface Developer {
  /** Numeric user id. */
  readonly uid: number;
  /** Numeric id of the primary group. */
  readonly gid: number;
}

/**
 * The words before a command that make it run as the developer, with the developer's home and none of root's settings.
 * Git trusts a tree only of its owner, and what a compiler writes belongs to who edits.
 *
 * The command gets a SIGTERM when the shell that started it dies: make passes that on to its compilers, so that a
 * killed `up` leaves none. Source: setpriv(1), `--pdeathsig`; set after the change of user, which would clear it.
 */
export function asDeveloper(developer: Developer, ...words: readonly (string | number | Shell)[]): Shell {
  const { uid, gid } = developer;
  return sh`setpriv --reuid ${uid} --regid ${gid} --clear-groups --pdeathsig TERM env -u XDG_CONFIG_HOME -u XDG_CACHE_HOME -u XDG_RUNTIME_DIR HOME="$(getent passwd ${uid} | cut -d: -f6)" ${words}`;
}

/** Runs bash in a session of its own, and on a SIGTERM ends all of that: make ends its shells, but not their compilers. */
const session = `trap 'trap "" TERM; kill -TERM 0; exit 143' TERM
bash -c "$1" <&0 & wait $!`;

/**
 * Bash that runs a script so that it ends when the step's shell is killed, with what the script started.
 * It replaces the shell in which it stands, so it is the last line of a step.
 */
export function endWithParent(script: Shell): Shell {
  return sh`exec setpriv --pdeathsig TERM setsid bash -c ${session} bash ${`set -euo pipefail\n${script.shell}`}`;
}
