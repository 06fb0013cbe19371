import { join } from "node:path";
import type { RootAccess } from "../components/host/host.ts";
import type { Identity } from "./identity.ts";

/** What a step of root's needs of its caller's environment: the way to the internet. */
const proxies = ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"];
const kept = proxies.flatMap((name) => [name, name.toUpperCase()]).join(",");

/**
 * Words that run others as root. They are the same on every run: a command that changes would have its step run again.
 * With -A nothing is asked for at a terminal, and by the program of SUDO_ASKPASS if there is one. Source: sudo(8).
 */
export const asRoot: readonly string[] = ["sudo", "-A", `--preserve-env=${kept}`, "--"];

/** How root's steps of a stack are run on a host that others use. Undefined if this process is root's itself. */
export function rootAccess(shared: string, { id }: Identity): RootAccess | undefined {
  return process.getuid?.() === 0 ? undefined : { as: asRoot, folder: join(shared, "stacks", id) };
}
