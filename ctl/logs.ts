import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { CtlError, exitCodes } from "./exit.ts";
import { meantGuest } from "./guest.ts";
import type { Standing } from "./standing.ts";

/** What a log is of: a guest's console, its QEMU, libvirt's daemon, or the build of the kernel. */
export type LogKind = "console" | "qemu" | "libvirtd" | "build";

/** Absolute path of a log. @throws CtlError if it is not there, or not for this user */
export function logFile(stack: Standing, kind: LogKind, guest: string | undefined): string {
  const files: Record<LogKind, () => string> = {
    console: () => join(stack.consoles, `${meantGuest(stack, guest).name}-console.log`),
    qemu: () => join(stack.logs.guests, `${meantGuest(stack, guest).name}.log`),
    libvirtd: () => stack.logs.libvirtd,
    build: () => join(stack.sources, "build/duet-kernel/duet-build.log"),
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
