/** What a step was said to differ in, by a preview or an `up`. */
export interface Drift {
  /** Name of the step, as of its resource. */
  readonly step: string;
  /** The differences: `KEY: expected A, found B`, joined by `; `. */
  readonly words: string;
}

/** One resource that was changed, or would be. */
export interface Change {
  readonly type: string;
  readonly name: string;
  /** In the words of Pulumi: "update" in a preview, "updated" in an `up`. */
  readonly operation: string;
}

const operations = ["create", "update", "delete", "replace"].flatMap((word) => [word, `${word}d`]).join("|");
const changeLine = new RegExp(String.raw`^ *(?:[+~-]|\+\+|--|\+-|-\+) +(\S+:\S+:\S+) (\S+) (${operations})\b`, "gm");

/** The steps that have drifted, each once, in the order in which they were named. */
export function drifts(output: string): readonly Drift[] {
  const found = new Map<string, Drift>();
  // The lines come with a resource's progress before them, and again at the end without.
  for (const [, step = "", words = ""] of output.matchAll(/(\S+) \([^()]*\) has drifted: (.*)$/gm)) {
    found.set(step, { step, words: words.trim() });
  }
  return [...found.values()];
}

/** The resources that were changed, or would be, each once for each thing that was done to it. */
export function changes(output: string): readonly Change[] {
  const found = new Map<string, Change>();
  for (const [line, type = "", name = "", operation = ""] of output.matchAll(changeLine)) {
    if (!line.includes("pulumi:pulumi:Stack")) {
      found.set(`${type} ${name} ${operation}`, { type, name, operation });
    }
  }
  return [...found.values()];
}

/** Whether the summary counts resources that are unchanged, and no others. */
export function isUnchanged(output: string): boolean {
  const [, summary = ""] = /^Resources:\n((?: {4}.*\n)+)/m.exec(output) ?? [];
  return /^ {4}\d+ unchanged\n$/.test(summary);
}

/** What Pulumi says of a command that failed: the errors among its diagnostics, or else its last line. */
export function problem(output: string): string {
  const [, diagnostics = ""] = /^Diagnostics:\n((?:(?: {2}.*)?\n)+)/m.exec(output) ?? [];
  const errors: string[] = [];
  let isError = false;
  for (const line of diagnostics.split("\n")) {
    // A resource is indented by two, what is said of it by four; an error comes after the lines that were streamed.
    isError = /^ {4}error: /.test(line) || (isError && !/^ {2}\S/.test(line));
    if (isError && line.trim() !== "") {
      errors.push(line.trim());
    }
  }
  return errors.join("; ") || (output.trim().split("\n").at(-1) ?? "");
}
