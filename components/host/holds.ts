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

/** A scratch folder of the developer's, on the file system of the sources, empty, as `$scratch`. */
export function makeScratch(hold: Hold, developer: Developer): Shell {
  const scratch = `${hold.directory}/.duet/${hold.what}.new`;
  return sh`scratch=${scratch}; rm -rf -- "$scratch"; install -d -o ${developer.uid} -g ${developer.gid} -- "$scratch"`;
}

/** Notes the hold. The last thing that `create` does. */
export function takeHold({ directory, what, owner }: Hold): Shell {
  return sh`mkdir -p -- ${`${directory}/.duet/holds/${what}`}; : >${`${directory}/.duet/holds/${what}/${owner}`}`;
}

/**
 * Gives a hold back, runs `last` where nobody else has one on the same thing, and in the end removes the folders that
 * were made for it, if they are empty.
 */
export function releaseHold({ directory, what, owner }: Hold, last: Shell): Shell {
  const duet = `${directory}/.duet`;
  return lines(
    sh`cd /`,
    sh`rm -f -- ${`${duet}/holds/${what}/${owner}`}`,
    sh`if [ -z "$(ls -A -- ${`${duet}/holds/${what}`} 2>/dev/null)" ]; then`,
    last,
    sh`rm -rf -- ${`${duet}/holds/${what}`} ${`${duet}/${what}.new`}`,
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
