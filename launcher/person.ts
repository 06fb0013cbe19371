import { spawnSync } from "node:child_process";
import { run } from "./run.ts";

/** The entry of passwd(5) of a user. */
interface Account {
  readonly name: string;
  readonly uid: string;
  readonly gid: string;
  readonly home: string;
}

function accountOf(uid: string): Account | undefined {
  const { stdout } = spawnSync("getent", ["passwd", uid], { encoding: "utf8" });
  const [name, , id, gid, , home] = (stdout ?? "").split(":");
  return name && id && gid && home ? { name, uid: id, gid, home } : undefined;
}

/** What sudo has set, and what of root's would be taken for the person's. */
const roots = /^(?:SUDO_(?:COMMAND|GID|UID|USER)|XDG_.*|MAIL)$/;

/**
 * Runs this launcher again as the person who has typed sudo before it: state, login, keys and caches are that person's.
 *
 * @returns its exit status; undefined if nobody has, and it may go on as it is
 */
export async function runAsPerson(words: readonly string[]): Promise<number | undefined> {
  const { SUDO_UID } = process.env;
  const account = process.getuid?.() === 0 && SUDO_UID && SUDO_UID !== "0" ? accountOf(SUDO_UID) : undefined;
  if (account === undefined) {
    return undefined;
  }
  const { name, uid, gid, home } = account;
  const environment = Object.fromEntries(Object.entries(process.env).filter(([key]) => !roots.test(key)));
  const become = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--init-groups"];
  return run([...become, process.execPath, ...words], {
    environment: { ...environment, HOME: home, USER: name, LOGNAME: name, XDG_RUNTIME_DIR: undefined },
    directory: process.cwd(),
  });
}
