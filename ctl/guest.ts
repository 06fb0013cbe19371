import type { GuestAccess } from "../components/guest-access.ts";
import { chooseGuest } from "./choose.ts";
import type { Standing } from "./standing.ts";

/** How to work with the guest that is meant. @throws CtlError which lists those that there are */
export function meantGuest({ name, guests }: Standing, named: string | undefined): GuestAccess {
  const meant = chooseGuest(
    name,
    named,
    guests.map((guest) => guest.name),
  );
  return guests.find((guest) => guest.name === meant) as GuestAccess;
}

/**
 * The guest and the words for a program that were typed. What follows `--` is never the guest, which may be left out.
 *
 * @param operands all that is no option
 * @param typed the whole command line
 */
export function guestAndWords(
  operands: readonly string[],
  typed: readonly string[],
): { readonly guest: string | undefined; readonly words: readonly string[] } {
  const dashes = typed.indexOf("--");
  const behind = dashes < 0 ? 0 : typed.length - dashes - 1;
  const isNamed = operands.length > behind;
  return { guest: isNamed ? operands[0] : undefined, words: operands.slice(isNamed ? 1 : 0) };
}
