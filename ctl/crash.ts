import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { guestId } from "../components/names.ts";
import { CtlError, exitCodes } from "./exit.ts";
import { meantGuest } from "./guest.ts";
import type { Standing } from "./standing.ts";

/** Absolute paths of the folders of the crashes of a guest, the oldest first: components/crash/. */
export function crashesOf(stack: Standing, guest: string | undefined): readonly string[] {
  const { name } = meantGuest(stack, guest);
  const { rootFolder, crashes } = stack;
  const folder =
    crashes === undefined
      ? join(rootFolder, "crashes", guestId(name), "reports")
      : join(crashes, `${stack.name}-${name}`);
  const names = existsSync(folder)
    ? readdirSync(folder).filter((one) => existsSync(join(folder, one, "report.txt")))
    : [];
  return names.sort().map((one) => join(folder, one));
}

/** Absolute path of the report of the last one. @throws CtlError if there is none */
export function lastReport(stack: Standing, guest: string | undefined): string {
  const last = crashesOf(stack, guest).at(-1);
  if (last === undefined) {
    throw new CtlError(exitCodes.failed, `no crash of ${meantGuest(stack, guest).name} is written down`);
  }
  return join(last, "report.txt");
}
