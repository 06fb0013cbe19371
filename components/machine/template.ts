import { readFileSync } from "node:fs";

/**
 * The text of a file with `@name@` in place of values. It knows no syntax: the caller checks or escapes what it gives.
 *
 * @param base `import.meta.url` of the module beside the file
 * @throws if a name is not given
 */
export function template(base: string, file: string, values: Readonly<Record<string, string | number>> = {}): string {
  return readFileSync(new URL(file, base), "utf8").replace(/@(\w+)@/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) {
      throw new Error(`${file} has @${name}@, which is given no value`);
    }
    return String(value);
  });
}
