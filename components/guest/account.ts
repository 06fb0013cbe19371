import * as pulumi from "@pulumi/pulumi";
import type { Machine } from "../machine/machine.ts";
import { fail } from "../machine/result.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";

/** The developer's account in a guest. */
export interface AccountSpec {
  /** Name of user and group. */
  readonly user: string;
  /** Numeric user id, the host developer's. */
  readonly uid: number;
  /** Numeric group id, the host developer's. */
  readonly gid: number;
  /**
   * What happens to another user or group of the guest that has the id: "move" gives that one a free id, and its files
   * with it, as usermod and groupmod do; "fail" is an error that names it. Defaults to "move".
   */
  readonly conflict?: "move" | "fail";
}

export interface AccountArgs extends AccountSpec {
  /** The guest. */
  readonly guest: Machine;
  /** What must be there first: sudo in the guest. */
  readonly dependsOn?: readonly pulumi.Resource[];
}

/**
 * Frees an id that another user or group has. Files of it are found on the root file system only, and never below a
 * mount: what is on the NFS server is not the guest's to change.
 */
function freeId(kind: "user" | "group", { user, uid, gid, conflict = "move" }: AccountSpec): Shell {
  const database = kind === "user" ? "passwd" : "group";
  const id = kind === "user" ? uid : gid;
  const found = sh`other=$(getent ${database} ${id} | cut -d: -f1 || true)`;
  const taken = sh`[ -n "$other" ] && [ "$other" != ${user} ]`;
  if (conflict === "fail") {
    const asked = `the guest's ${user} is to have ${kind} id ${id}, and there it belongs to `;
    const advice = ": choose another id, or `conflict: move`";
    return lines(found, sh`if ${taken}; then ${fail(sh`${asked}"$other"${advice}`)}; fi`);
  }
  const [change, option, find, own] =
    kind === "user" ? ["usermod", "-u", "-uid", "chown"] : ["groupmod", "-g", "-gid", "chgrp"];
  return lines(
    found,
    sh`if ${taken}; then`,
    sh`  free=1001; while getent passwd "$free" >/dev/null || getent group "$free" >/dev/null || [ "$free" = ${uid} ] || [ "$free" = ${gid} ]; do free=$((free + 1)); done`,
    sh`  ${change} ${option} "$free" "$other" || ${fail(sh`${`the guest's ${user} is to have ${kind} id ${id}; there it belongs to `}"$other"${", which cannot be moved now: end what it runs, see above"}`)}`,
    sh`  find / -xdev ${find} ${id} -exec ${own} -h "$free" {} +`,
    sh`  printf 'moved %s %s to id %s\n' ${kind} "$other" "$free" >&2`,
    sh`fi`,
  );
}

function sudoersFile(user: string): string {
  return `/etc/sudoers.d/duet-${user}`;
}

/** The note that an account, or a group, is ours to remove. */
function madeNote(what: "user" | "group", user: string): string {
  return `/var/lib/duet/made-${what}-${user}`;
}

/** Makes the account as it is to be, from whatever is there. */
export function accountScript(account: AccountSpec): Shell {
  const { user, uid, gid } = account;
  const sudoers = sudoersFile(user);
  const rule = `${user} ALL=(ALL:ALL) NOPASSWD: ALL`;
  return lines(
    sh`[ ${user} != root ] || ${fail(sh`'the developer of the host is mirrored in the guest, and cannot be root there: choose another name'`)}`,
    sh`mkdir -p /var/lib/duet`,
    freeId("group", account),
    sh`if ! getent group ${user} >/dev/null; then groupadd -g ${gid} ${user}; : >${madeNote("group", user)}; fi`,
    sh`old=$(getent group ${user} | cut -d: -f3)`,
    sh`if [ "$old" != ${gid} ]; then groupmod -g ${gid} ${user}; find / -xdev -gid "$old" -exec chgrp -h ${gid} {} +; fi`,
    freeId("user", account),
    sh`if ! getent passwd ${user} >/dev/null; then`,
    sh`  useradd -m -u ${uid} -g ${gid} -s /bin/bash -d ${`/home/${user}`} ${user}; : >${madeNote("user", user)}`,
    sh`fi`,
    sh`old=$(id -u ${user})`,
    sh`if [ "$old" != ${uid} ]; then`,
    sh`  usermod -u ${uid} ${user} || ${fail(sh`${`the guest's ${user} is to have user id ${uid}, and cannot be changed now: end what it runs, see above`}`)}`,
    sh`  find / -xdev -uid "$old" -exec chown -h ${uid} {} +`,
    sh`fi`,
    sh`[ "$(id -g ${user})" = ${gid} ] || usermod -g ${gid} ${user}`,
    sh`home=$(getent passwd ${user} | cut -d: -f6)`,
    sh`[ -d "$home" ] || { cp -r /etc/skel "$home"; chown -R ${`${uid}:${gid}`} "$home"; }`,
    sh`install -d -m 750 /etc/sudoers.d; printf '%s\n' ${rule} >${`${sudoers}.new`}`,
    sh`chmod 0440 ${`${sudoers}.new`}; mv -- ${`${sudoers}.new`} ${sudoers}`,
  );
}

/** The ids, the home directory and the right to sudo. */
export function accountFacts({ user }: Pick<AccountSpec, "user">): Shell {
  return lines(
    // An account that Duet makes is in this file, and nowhere else.
    sh`while IFS=: read -r name _ uid gid _ home _ && [ "$name" != ${user} ]; do uid=; done </etc/passwd`,
    sh`if [ -n "$uid" ]; then printf 'uid: %s\ngid: %s\n' "$uid" "$gid"; stat -c 'home: %n of %u:%g' -- "$home"; fi`,
    sh`read -r rule <${sudoersFile(user)}; printf 'sudo: %s\n' "$rule"`,
  );
}

/** Removes what was made: the account with its home directory, where it was not there before. */
export function removeAccount({ user }: Pick<AccountSpec, "user">): Shell {
  const [userNote, groupNote] = [madeNote("user", user), madeNote("group", user)];
  return lines(
    sh`rm -f -- ${sudoersFile(user)}`,
    sh`if [ -e ${userNote} ]; then if getent passwd ${user} >/dev/null; then userdel -f -r ${user} >&2 || [ $? = 12 ]; fi; rm -- ${userNote}; fi`,
    sh`if [ -e ${groupNote} ]; then if getent group ${user} >/dev/null; then groupdel ${user}; fi; rm -- ${groupNote}; fi`,
  );
}

/**
 * The host developer's account in the guest: with the same ids, a file made on one side belongs to the same person on
 * the other.
 *
 * Source: guide, step 8, note on NFS id mapping.
 */
export class Account extends pulumi.ComponentResource {
  /** The resource after which the account is there. */
  readonly made: pulumi.Resource;

  constructor(name: string, args: AccountArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:guest:Account", name, {}, opts);
    const { user, uid, gid, conflict } = args;
    const account: AccountSpec = { user, uid, gid, conflict };
    this.made = args.guest.step(
      name,
      {
        title: `make ${user} with the ids ${uid}:${gid}`,
        create: accountScript(account),
        facts: accountFacts(account),
        delete: removeAccount(account),
      },
      { parent: this, dependsOn: [...(args.dependsOn ?? [])] },
    ).resource;
    this.registerOutputs({});
  }
}
