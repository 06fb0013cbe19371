import { fail } from "../machine/result.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";
import { asDeveloper, type Developer } from "./developer.ts";

/**
 * The sources directory is shared: by the user, by Duet, and by several stacks. So Duet notes in `.duet` below it who
 * holds what (`holds/WHAT/OWNER`) and which folders it has made (`made`), and gives back only those, when nobody holds
 * anything there any more.
 */
export interface Hold {
  /** Absolute path of the sources directory. */
  readonly directory: string;
  /** What is held, a file name: "duet-kernel". */
  readonly what: string;
  /** Who holds it, a file name: that of the stack. */
  readonly owner: string;
}

/** Seconds that one stack waits for another one's turn: a kernel is built in less. */
const turnLimit = 3600;

/** Absolute path of the folder with a file for each holder. */
function holders({ directory, what }: Hold): string {
  return `${directory}/.duet/holds/${what}`;
}

/** Locks the folder of the holders, if it is there, until the script ends. */
function lockHolders(hold: Hold): Shell {
  const busy = `another stack is at work on ${hold.what} in ${hold.directory}`;
  return sh`if { exec 7<${holders(hold)}; } 2>/dev/null && ! flock -n 7; then
  printf '%s\n' ${`${busy}: waiting for it`} >&2
  flock -w ${turnLimit} 7 || ${fail(sh`${`${busy}, and has been for ${turnLimit} s: end that, or give this stack a directory of its own`}`)}
fi`;
}

/** Makes the sources directory for the developer, where it is missing, and notes which folders were made. */
export function makeSourcesDirectory(directory: string, developer: Developer): Shell {
  const { uid, gid } = developer;
  return sh`made=
make_folder() {
  if [ ! -d "$1" ]; then
    make_folder "$(dirname -- "$1")"
    if mkdir -- "$1" 2>/dev/null; then made=$(printf '%s\n%s' "$1" "$made"); fi
    [ -d "$1" ]
  fi
}
make_folder ${directory}
case $made in ${directory}*) chown ${`${uid}:${gid}`} ${directory} ;; esac
mkdir -p -- ${`${directory}/.duet`}
if [ -n "$made" ]; then printf '%s\n' "$made" >>${`${directory}/.duet/made`}; fi`;
}

/**
 * Keeps other stacks' work on the same thing out until the script ends: two `up` at once never write to one tree. The
 * lock is on the folder of the holders, which goes with the last of them: then all is made again, and locked there.
 */
export function takeTurn(hold: Hold, developer: Developer): Shell {
  return lines(
    sh`until [ ${holders(hold)} -ef /proc/self/fd/7 ]; do`,
    makeSourcesDirectory(hold.directory, developer),
    sh`mkdir -p -- ${holders(hold)}`,
    lockHolders(hold),
    sh`done`,
  );
}

/** A scratch folder of the developer's, on the file system of the sources, empty, as `$scratch`. */
export function makeScratch(hold: Hold, developer: Developer): Shell {
  const scratch = `${hold.directory}/.duet/${hold.what}.new`;
  return sh`scratch=${scratch}; rm -rf -- "$scratch"; install -d -o ${developer.uid} -g ${developer.gid} -- "$scratch"`;
}

/** Notes the hold. The last thing that `create` does. */
export function takeHold(hold: Hold): Shell {
  return sh`mkdir -p -- ${holders(hold)}; : >${`${holders(hold)}/${hold.owner}`}`;
}

/**
 * Gives a hold back, runs `last` where nobody else has one on the same thing, and in the end removes the folders that
 * were made for it, if they are empty.
 */
export function releaseHold(hold: Hold, last: Shell): Shell {
  const duet = `${hold.directory}/.duet`;
  const folder = holders(hold);
  return lines(
    sh`cd /`,
    sh`while [ -d ${folder} ] && [ ! ${folder} -ef /proc/self/fd/7 ]; do`,
    lockHolders(hold),
    sh`done`,
    sh`rm -f -- ${`${folder}/${hold.owner}`}`,
    sh`if [ -z "$(ls -A -- ${folder} 2>/dev/null)" ]; then`,
    last,
    sh`rm -rf -- ${folder} ${`${duet}/${hold.what}.new`}`,
    sh`fi`,
    sh`if [ -d ${duet} ] && [ -z "$(ls -A -- ${`${duet}/holds`} 2>/dev/null)" ]; then`,
    sh`made=$(cat ${`${duet}/made`} 2>/dev/null || true)`,
    sh`rm -rf -- ${duet}`,
    sh`printf '%s\n' "$made" | while IFS= read -r folder; do if [ -n "$folder" ]; then rmdir -- "$folder" 2>/dev/null || true; fi; done`,
    sh`fi`,
  );
}

/** `asDeveloper` for a whole script. */
export function scriptAsDeveloper(developer: Developer, script: Shell): Shell {
  return asDeveloper(developer, "bash", "-c", `set -euo pipefail\n${script.shell}`);
}
