import * as pulumi from "@pulumi/pulumi";
import type { DebugSession } from "./gdb/session.ts";
import type { VirtualMachine } from "./guest/virtual-machine.ts";
import type { KernelInstall } from "./kernel/install.ts";
import { sh } from "./machine/shell.ts";

/** How to work with one guest; both commands work as printed, from any shell of the host. */
export interface GuestAccess {
  /** Its name, which is its host name too. */
  readonly name: string;
  /** Its IPv4 address. */
  readonly address: string;
  /** What gdb's `target remote` takes: `127.0.0.1:PORT`, or the path of a socket. */
  readonly stub: string;
  /** Undefined for a socket. */
  readonly gdbPort?: number | undefined;
  /** Name of its kernel among the stack's; undefined if the stack has one. */
  readonly kernel?: string | undefined;
  /** What `uname -r` says there. */
  readonly kernelRelease: string;
  /** The command that logs in to it as root; a command for the guest may follow. */
  readonly sshCommand: string;
  /** The command that attaches gdb to it; options of gdb's may follow. */
  readonly gdbCommand: string;
}

/**
 * How to work with a guest, known once it is proven debuggable.
 *
 * @param kernel name of its kernel, if the stack has several
 */
export function accessTo(
  guest: VirtualMachine,
  kernel: string | undefined,
  install: KernelInstall,
  session: DebugSession,
): pulumi.Output<GuestAccess> {
  const { name, host } = guest;
  return pulumi
    .all([guest.address, guest.stub, guest.gdbPort, install.release, guest.ssh, session.gdb])
    .apply(([address, stub, gdbPort, kernelRelease, ssh, gdb]) => ({
      name,
      address,
      stub,
      gdbPort,
      ...(kernel === undefined ? {} : { kernel }),
      kernelRelease,
      sshCommand: commandLine([...host.enter, ...ssh]),
      gdbCommand: commandLine(gdb),
    }));
}

/** A command as a person would type it. */
const commandLine = (words: readonly string[]): string => sh`${words}`.shell;
