import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { quote } from "./shell.ts";

/** What a script may be given under a name: one word, or an array of words. Nothing is the empty word. */
export type Value = string | number | undefined | readonly (string | number)[];

/** The values of a script by their names, which are those that its file declares. */
export type Values = Readonly<Record<string, Value>>;

/** A line that puts another file in its place: what shellcheck follows, too. */
const sourceLine = /^\. (\S+\.sh)$/gm;

/** A file declares its values before it uses them: `: "${one:?}" "${many[*]-}"`. Source: bash(1), Parameter Expansion. */
const declaration = /^: ("\$\{.*\}")(?: #.*)?$/gm;
const declaredName = /"\$\{(\w+)(?:\[[0*@]\])?:?[?-]\}"/g;

/** What the frame of a step declares, machine/step.sh: the machine gives it. */
const frame = new Set(["title", "step", "records", "across"]);

const texts = new Map<string, string>();

function read(file: URL): string {
  const text = texts.get(file.href) ?? readFileSync(file, "utf8");
  texts.set(file.href, text);
  return text;
}

/** The text of a file, and of each file that it sources, once. */
function bundle(file: URL, seen = new Set<string>()): string {
  seen.add(file.href);
  return read(file).replace(sourceLine, (_, path: string) => {
    const other = new URL(path, file);
    return seen.has(other.href) ? ":" : bundle(other, seen).trimEnd();
  });
}

/** The names of the values that a script declares: its file and the files that it sources. */
export function declaredNames(text: string): readonly string[] {
  const names = [...text.matchAll(declaration)].flatMap(([, words = ""]) =>
    [...words.matchAll(declaredName)].map(([, name = ""]) => name),
  );
  return [...new Set(names)].filter((name) => !frame.has(name)).sort();
}

/** `name=value` or `name=(value …)`, in bash. */
function assignment([name, value]: [string, Value]): string {
  return typeof value === "object" ? `${name}=(${value.map(quote).join(" ")})` : `${name}=${quote(value ?? "")}`;
}

/** Comments, and lines with nothing on them. */
const remark = /^[ \t]*(?:#.*)?\n/gm;

/**
 * A script: its values, then the text of its file and of the library that it sources. The text is constant, so a value
 * reaches bash only through `quote`.
 *
 * @param base `import.meta.url` of the module beside the file
 * @param file name of the file, relative to that module
 * @param isTerse whether its comments are left out. Defaults to false.
 * @throws if the names are not just those that the files declare
 */
export function scriptText(base: string, file: string, values: Values, isTerse = false): string {
  const url = new URL(file, base);
  const text = bundle(url);
  const [given, declared] = [Object.keys(values).sort(), declaredNames(text)];
  if (given.join() !== declared.join()) {
    throw new Error(`${fileURLToPath(url)} declares the values ${declared}, and was given ${given}`);
  }
  return [...Object.entries(values).map(assignment), isTerse ? text.replace(remark, "") : text].join("\n");
}
