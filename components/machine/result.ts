import { type Shell, sh } from "./shell.ts";

/**
 * Reads what a step handed on: the last `key: value` line of each key in its output.
 *
 * @throws where a key is missing, which is a fault of the step's script and not of its user.
 */
export function result<const Key extends string>(stdout: string, keys: readonly Key[]): Readonly<Record<Key, string>> {
  const found: Partial<Record<string, string>> = {};
  for (const line of stdout.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) {
      found[line.slice(0, colon)] = line.slice(colon + 2).trim();
    }
  }
  const missing = keys.filter((key) => found[key] === undefined);
  if (missing.length > 0) {
    throw new Error(`a step printed no ${missing.join(" and no ")}: ${JSON.stringify(stdout.slice(-200))}`);
  }
  return found as Record<Key, string>;
}

/** Bash that ends a script with one line for the person at the terminal. */
export function fail(message: Shell): Shell {
  return sh`{ printf '%s\n' ${message} >&2; exit 1; }`;
}
