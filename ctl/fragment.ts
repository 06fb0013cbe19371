/** A line of a configuration that says something of a symbol, and the symbol's name. */
const said = /^(?:CONFIG_(\w+)=.*|# CONFIG_(\w+) is not set)$/;

const symbolOf = (line: string): string | undefined => {
  const [, set, unset] = said.exec(line) ?? [];
  return set ?? unset;
};

/** The lines by which one configuration differs from another: what each changed symbol is now. */
export function changedLines(before: string, after: string): readonly string[] {
  const known = new Set(before.split("\n"));
  return after.split("\n").filter((line) => symbolOf(line) !== undefined && !known.has(line));
}

/** A fragment which says these lines too: in the place of what it said of the same symbols, and else at its end. */
export function withLines(fragment: string, lines: readonly string[]): string {
  const wanted = new Map(lines.map((line) => [symbolOf(line), line]));
  const kept = fragment.split("\n").map((line) => {
    const symbol = symbolOf(line);
    const other = symbol === undefined ? undefined : wanted.get(symbol);
    if (other !== undefined) {
      wanted.delete(symbol);
    }
    return other ?? line;
  });
  const text = kept.join("\n").trimEnd();
  return `${[text, ...wanted.values()].filter(Boolean).join("\n")}\n`;
}
