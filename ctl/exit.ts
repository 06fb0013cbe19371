import { UserError } from "../sandbox/report.ts";

/** How duetctl ends, for scripts. A verb that runs another program ends as that one does. */
export const exitCodes = {
  done: 0,
  /** What was asked for cannot be done: the line says why. */
  failed: 1,
  /** The command line is wrong, or does not say which stack or which guest is meant. */
  usage: 2,
  /** The stack does not stand. */
  noStack: 3,
} as const;

/** The codes in words, for help and for the reference. */
export const exitCodeLines: readonly string[] = [
  `${exitCodes.done}  done`,
  `${exitCodes.failed}  what was asked for cannot be done: the last line says why`,
  `${exitCodes.usage}  the command line is wrong, or does not say which stack or guest is meant`,
  `${exitCodes.noStack}  the stack does not stand`,
  "A verb that runs pulumi, ssh, gdb, perf, virsh, tail or make ends as that",
  "does: with its code, or with 128 and the number of the signal that ended it.",
];

/** A message for the person at the terminal that comes with a code of its own. */
export class CtlError extends UserError {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

export function usageError(message: string): CtlError {
  return new CtlError(exitCodes.usage, message);
}
