import { CtlError, exitCodes, usageError } from "./exit.ts";

/**
 * The guest that is meant: the one that is named, or the only one.
 *
 * @throws CtlError which lists those that there are
 */
export function chooseGuest(stack: string, named: string | undefined, all: readonly string[]): string {
  const [only, ...others] = all;
  if (only === undefined) {
    throw new CtlError(exitCodes.noStack, `stack ${stack} has no guest; do duetctl up --stack ${stack}`);
  }
  if (named === undefined && others.length > 0) {
    throw usageError(`cannot choose a guest: stack ${stack} has ${all.join(", ")}; name one of them`);
  }
  if (named !== undefined && !all.includes(named)) {
    throw usageError(`cannot find guest ${named}: stack ${stack} has ${all.join(", ")}; name one of them`);
  }
  return named ?? only;
}

/**
 * The stack that is meant, if that can be told: the one that is named, or was selected, or the only one that stands.
 * Undefined if none is named and none stands.
 *
 * @param selected what `pulumi stack select` or PULUMI_STACK has chosen
 * @throws CtlError which lists those that there are, if more than one may be meant
 */
export function chooseStack(
  named: string | undefined,
  selected: string | undefined,
  standing: readonly string[],
): string | undefined {
  if (named !== undefined || selected !== undefined || standing.length < 2) {
    return named ?? selected ?? standing[0];
  }
  throw usageError(`cannot choose a stack: there are ${standing.join(", ")}; name one with --stack`);
}
