import { lines, type Shell, sh } from "../machine/shell.ts";

/** One of several things of which a host has each only once: a port, a subnet. */
export interface LeaseArgs {
  /** Absolute path of the folder that holds the leases of this kind, a file each, named for what is leased. */
  readonly folder: string;
  /** Who holds it, unique on the host: `stack/name`. */
  readonly owner: string;
  /** What may be leased, the most wanted first. */
  readonly candidates: readonly (string | number)[];
  /** The words of a message: "gdb port". */
  readonly what: string;
  /** Defines a bash function `taken CANDIDATE` which prints who uses it outside of the leases, or nothing. */
  readonly taken: Shell;
}

/**
 * Takes a lease and prints it. A lease that the owner has is kept; else the first candidate that nobody has is taken, and
 * whatever the owner had is given back: somebody else uses it, or it is not wanted any more.
 * All of it under one lock, so that two `up` at once never get the same; a lease outlives a crash, since it is a file.
 */
export function claimScript(args: LeaseArgs): Shell {
  const { folder, owner, candidates, what } = args;
  return lines(
    sh`install -d -m 700 -- ${folder}`,
    sh`exec 9>${`${folder}/.lock`}; flock -w 60 9`,
    args.taken,
    sh`why=`,
    sh`for candidate in ${heldBy(args)} ${candidates}; do`,
    sh`  lease=${folder}/$candidate`,
    sh`  if [ -e "$lease" ] && [ "$(cat "$lease")" != ${owner} ]; then why="stack $(cat "$lease") has leased it"; continue; fi`,
    sh`  user=$(taken "$candidate")`,
    sh`  if [ -n "$user" ]; then why="$user uses it"; continue; fi`,
    sh`  printf '%s\n' ${owner} >"$lease.new"; mv -- "$lease.new" "$lease"; printf '%s\n' "$candidate"`,
    sh`  { grep -lxF -e ${owner} -- ${folder}/* | grep -vxF -e "$lease" || true; } | xargs -r -d '\n' rm -f --`,
    sh`  exit 0`,
    sh`done`,
    sh`printf '%s\n' ${`${what} ${span(candidates)} was asked for ${owner}, and `}"$why"${`: choose another ${what}, or end what uses it`} >&2`,
    sh`exit 1`,
  );
}

/** The candidate that the owner has already, where it is still one that is wanted. */
function heldBy({ folder, owner, candidates }: LeaseArgs): Shell {
  return sh`$(grep -lxF -e ${owner} -- ${folder}/* 2>/dev/null | sed 's|.*/||' | grep -xF -e ${candidates.join("\n")} || true)`;
}

function span(candidates: readonly (string | number)[]): string {
  return candidates.length > 1 ? `${candidates[0]} to ${candidates.at(-1)}` : String(candidates[0]);
}

/** A line with the lease that the owner has. */
export function leaseFacts({ folder, owner, what }: Pick<LeaseArgs, "folder" | "owner" | "what">): Shell {
  return sh`grep -lxF -e ${owner} -- ${folder}/* 2>/dev/null | sed 's|.*/||' | while IFS= read -r lease; do printf '%s: %s\n' ${what} "$lease"; done`;
}

/** Gives back what the owner has, and nothing of anybody else's. */
export function releaseScript({ folder, owner }: Pick<LeaseArgs, "folder" | "owner">): Shell {
  return lines(
    sh`if [ -d ${folder} ]; then`,
    sh`  exec 9>${`${folder}/.lock`}; flock -w 60 9`,
    sh`  grep -lxF -e ${owner} -- ${folder}/* 2>/dev/null | xargs -r -d '\n' rm -f --`,
    sh`  if [ -z "$(ls -- ${folder})" ]; then rm -rf -- ${folder}; fi`,
    sh`fi`,
  );
}
