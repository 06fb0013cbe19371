import * as pulumi from "@pulumi/pulumi";
import type { Machine } from "../machine/machine.ts";
import { type Shell, sh } from "../machine/shell.ts";
import { claimScript, type LeaseArgs, leaseFacts, releaseScript } from "./lease.ts";

export interface GdbPortArgs {
  readonly host: Machine;
  /** Absolute path of the folder of leases, one for all stacks of the host. */
  readonly leases: string;
  /** The stack that takes the lease. */
  readonly stack: string;
  /** Name of the domain whose stub will listen there. */
  readonly domain: string;
  /** The TCP port. Defaults to the first free one from 1234 on, the port of the guide, to 1333. */
  readonly port?: number;
}

const anyPort = Array.from({ length: 100 }, (_, index) => 1234 + index);

/** Defines `taken PORT`: the process which listens there, by name and pid, unless it is the QEMU of this domain. */
export function portTaken(domain: string): Shell {
  return sh`taken() {
  local pid
  for pid in $(ss -Hltnp "sport = :$1" | grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -u); do
    if ! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -e ${`guest=${domain},`}; then
      printf 'process %s (%s)' "$pid" "$(cat "/proc/$pid/comm")"
    fi
  done
}`;
}

/** Defines `attached PORT`: the debugger that is attached to the stub which listens there, by name and pid. */
export const stubAttached: Shell = sh`attached() {
  ss -Htnp state established "dport = :$1" | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (pid \2)/p' | head -n 1
}`;

/**
 * A TCP port for the gdb stub of one domain, leased for the host and kept for the stack's life.
 *
 * Source: guide, step 4, whose "make sure to pick a unique TCP port number for each" this is.
 */
export class GdbPort extends pulumi.ComponentResource {
  readonly port: pulumi.Output<number>;

  constructor(name: string, args: GdbPortArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:host:GdbPort", name, {}, opts);
    const lease: LeaseArgs = {
      folder: `${args.leases}/gdb-ports`,
      owner: `${args.stack}/${args.domain}`,
      candidates: args.port === undefined ? anyPort : [args.port],
      what: "gdb port",
      taken: portTaken(args.domain),
    };
    const step = args.host.step(
      name,
      {
        title: `lease a gdb port for ${args.domain}`,
        create: claimScript(lease),
        facts: leaseFacts(lease),
        delete: releaseScript(lease),
      },
      { parent: this },
    );
    this.port = step.stdout.apply(Number);
    this.registerOutputs({ port: this.port });
  }
}
