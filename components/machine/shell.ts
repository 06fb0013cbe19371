/** A piece of bash whose values have been quoted. Plain data, so that it survives a Pulumi Output. */
export interface Shell {
  /** The bash source. */
  readonly shell: string;
}

/** What may stand in a `sh` template: a value, words, or a piece of bash that is already quoted. */
export type ShellValue = string | number | Shell | readonly (string | number | Shell)[];

/**
 * Quotes one value as one bash word, whatever is in it.
 *
 * @throws if the value has a NUL byte, which no argument of a process can hold.
 * Source: bash(1), QUOTING: nothing is special between single quotes.
 */
export function quote(value: string | number): string {
  const text = String(value);
  if (text.includes("\0")) {
    throw new Error(`cannot quote a value for a shell: it has a NUL byte: ${JSON.stringify(text)}`);
  }
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function insert(value: ShellValue): string {
  if (typeof value === "object") {
    return "shell" in value ? value.shell : value.map(insert).join(" ");
  }
  return quote(value);
}

/**
 * Builds bash from a template: strings and numbers become one word each, an array becomes its words,
 * and a Shell is inserted as it is. The only way by which a value reaches a shell.
 */
export function sh(strings: TemplateStringsArray, ...values: readonly ShellValue[]): Shell {
  return { shell: String.raw({ raw: strings.raw }, ...values.map(insert)) };
}
