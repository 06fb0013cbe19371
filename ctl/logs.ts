import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { kernelBuildFolder } from "../components/names.ts";
import { CtlError, exitCodes } from "./exit.ts";
import { meantGuest } from "./guest.ts";
import type { Standing } from "./standing.ts";

/** What a log is of: a guest's console, its QEMU, libvirt's daemon, or the build of the kernel. */
export type LogKind = "console" | "qemu" | "libvirtd" | "build";

/** The log of the build of a guest's kernel; without a guest that of the first kernel. */
function buildLog({ sources, guests, builds: [first] }: Standing, guest: string | undefined): string {
  const chosen = guests.find(({ name }) => name === guest)?.kernel;
  return join(kernelBuildFolder(sources, chosen ?? first.name), "duet-build.log");
}

/** Absolute path of a log. @throws CtlError if it is not there, or not for this user */
export function logFile(stack: Standing, kind: LogKind, guest: string | undefined): string {
  const files: Record<LogKind, () => string> = {
    console: () => join(stack.consoles, `${meantGuest(stack, guest).name}-console.log`),
    qemu: () => join(stack.logs.guests, `${meantGuest(stack, guest).name}.log`),
    libvirtd: () => stack.logs.libvirtd,
    build: () => buildLog(stack, guest),
  };
  const file = files[kind]();
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    const why =
      error instanceof Error && "code" in error && error.code === "ENOENT" ? "it is not there" : "only root reads it";
    throw new CtlError(exitCodes.failed, `cannot read the log ${file}: ${why}`);
  }
  return file;
}
