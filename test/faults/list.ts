import { guestFaults } from "./guest.ts";
import { hostFaults } from "./host.ts";
import { kernelFaults } from "./kernel.ts";
import { killFaults } from "./kill.ts";
import { moduleFaults } from "./module.ts";
import type { Fault } from "./run.ts";
import { stackFaults } from "./stacks.ts";
import { waitFaults } from "./wait.ts";

/** All that may befall an environment, in the order of the table. */
export const faults: readonly Fault[] = [
  ...guestFaults,
  ...hostFaults,
  ...kernelFaults,
  ...moduleFaults,
  ...waitFaults,
  ...stackFaults,
  ...killFaults,
];

/** @throws with the names that there are, if it is none of them. */
export function faultNamed(name: string): Fault {
  const found = faults.find((fault) => fault.name === name);
  if (found === undefined) {
    throw new Error(
      `no fault is called ${JSON.stringify(name)}; there are: ${faults.map((fault) => fault.name).join("; ")}`,
    );
  }
  return found;
}

/** Those that every run of the tests goes through: of each side some, and the one of every debugging session. */
export const fixedFaults: readonly Fault[] = [
  "guest paused, as gdb leaves it",
  "gdb killed with a breakpoint set",
  "module unloaded",
  "mount gone",
  "package removed in the guest",
  "UID changed",
  "gdb's commands deleted",
  "web console killed",
].map(faultNamed);
