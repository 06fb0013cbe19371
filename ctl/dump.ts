import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { obtainRights } from "../launcher/rights.ts";
import { asRoot } from "../launcher/root.ts";
import { keptOf, watchFolder } from "./crash.ts";
import { CtlError, exitCodes, usageError } from "./exit.ts";
import { meantGuest } from "./guest.ts";
import { attached, stateOf } from "./look.ts";
import type { Standing } from "./standing.ts";

/**
 * Words of the command that dumps the memory of a guest: its watcher does it, which is root's, as libvirt's dumps are.
 *
 * @throws CtlError if that cannot be done, or would take the guest from who debugs it
 */
export async function dumpCommand(stack: Standing, named: string | undefined): Promise<readonly string[]> {
  const { name, stub } = meantGuest(stack, named);
  const cannot = (why: string) => new CtlError(exitCodes.failed, `cannot dump the memory of ${name}: ${why}`);
  const watcher = join(watchFolder(stack, name), "duet-watch");
  if (!existsSync(watcher)) {
    throw cannot("it has no watcher, which does that; do duetctl up");
  }
  const [state, [client]] = await Promise.all([stateOf(stack, name), attached(stack.enter, [stub])]);
  if (state === undefined || state === "shut off") {
    throw cannot(
      `${state === undefined ? "libvirt does not answer, or does not know it" : "it is off"}; do duetctl up`,
    );
  }
  // libvirt stops the guest meanwhile, and QEMU tells that to a debugger which waits for a breakpoint: it would be at its
  // prompt while the guest goes on. One that has stopped the guest is told nothing. Source: QEMU, gdb_vm_state_change.
  if (state === "running" && client !== undefined) {
    throw cannot(`${client} waits for it, and would be told that it stops; stop it there first, or detach`);
  }
  if (process.getuid?.() === 0) {
    return [watcher, "dump"];
  }
  obtainRights(
    () => [`dump the memory of ${name}`],
    (line) => process.stderr.write(`duetctl: ${line}\n`),
  );
  return [...asRoot, watcher, "dump"];
}

/** What opens a dump in gdb, in its folder. Undefined if no dump is there any more. */
function openerIn(folder: string): string | undefined {
  const file = join(folder, "gdb.sh");
  return existsSync(file) && existsSync(join(folder, "memory.kdump")) ? file : undefined;
}

/** What opens the dump in gdb that is in a folder. @throws CtlError if there is none */
export function openerAt(path: string): string {
  const folder = resolve(path);
  const opener = openerIn(folder);
  if (opener === undefined) {
    throw new CtlError(exitCodes.failed, `cannot open a dump: there is none in ${folder}, or none with a gdb.sh`);
  }
  return opener;
}

/**
 * What opens a dump of a guest in gdb.
 *
 * @param which "last", or the name of its folder, as `duetctl crash --list` has it; or the guest, if that is not named
 * @throws CtlError if there is none
 */
export function openerOf(stack: Standing, guest: string | undefined, which: string): string {
  const isGuest = guest === undefined && stack.guests.some(({ name }) => name === which);
  const { name } = meantGuest(stack, isGuest ? which : guest);
  const all = keptOf(stack, name).filter((folder) => openerIn(folder) !== undefined);
  if (all.length === 0) {
    throw new CtlError(exitCodes.failed, `no memory of ${name} is kept; do duetctl dump ${name}`);
  }
  const meant = isGuest || which === "last" ? all.at(-1) : all.find((folder) => basename(folder) === which);
  if (meant === undefined) {
    const names = all.map((folder) => basename(folder)).join(", ");
    throw usageError(`cannot find the dump ${which}: of ${name} there are ${names}; name one of them`);
  }
  return openerAt(meant);
}
