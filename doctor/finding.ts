/**
 * What a check has found: "ok" if nothing is to be done, "note" if something is to be known, and "stop" if `up` would
 * not succeed.
 */
export interface Finding {
  readonly state: "ok" | "note" | "stop";
  /** What was looked at, in a word or two. */
  readonly what: string;
  /** What was found and, if anything is to be done, that: "X; do Y". */
  readonly said: string;
}

const finding =
  (state: Finding["state"]) =>
  (what: string, said: string): Finding => ({ state, what, said });

export const ok = finding("ok");
export const note = finding("note");
export const stop = finding("stop");

/** A line for the person at the terminal. */
export function lineOf({ state, what, said }: Finding): string {
  return `${state.padEnd(4)}  ${what}: ${said}`;
}
