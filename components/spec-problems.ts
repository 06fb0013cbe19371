import type { z } from "zod";

/** A value as it stands in a message: on one line, of characters that can be seen, and not too long. */
export function quoted(value: unknown): string {
  // What is nested may be nested too deep to be written.
  const inside = (_key: string, part: unknown) =>
    typeof part === "object" && part !== null && part !== value ? "…" : part;
  const text = JSON.stringify(value, inside) ?? "nothing";
  // Characters, and escapes as JSON writes them.
  const parts = text.slice(0, 400).match(/\\u....|\\?./gsu) ?? [];
  const visible = parts.map((part) =>
    /^[\p{C}\p{Zl}\p{Zp}]$/u.test(part) ? `\\u{${part.codePointAt(0)?.toString(16)}}` : part,
  );
  return visible.length > 60 ? `${visible.slice(0, 59).join("")}…` : visible.join("");
}

/** What is wrong with a field for which the shape has no words of its own. */
export function defaultMessage(issue: z.core.$ZodRawIssue): string {
  const asked = issue.input === undefined ? "is missing" : `asked for ${quoted(issue.input)}`;
  switch (issue.code) {
    case "invalid_type":
      return `${asked}; takes ${{ int: "a whole number", array: "a list", object: "an object" }[issue.expected as string] ?? `a ${issue.expected}`}`;
    case "invalid_value":
      return `${asked}; takes ${issue.values.length > 1 ? "one of " : ""}${issue.values.join(", ")}`;
    case "too_small":
      return issue.origin === "string" || issue.origin === "array"
        ? `${asked}; it must not be empty`
        : `${asked}; take ${issue.minimum} or more`;
    case "too_big":
      return `${asked}; take ${issue.maximum} or less`;
    default:
      return `${asked}, which is not of the form it takes`;
  }
}

/** All problems of a spec, a line each: where, what was asked, what to do. */
export class SpecError extends Error {
  /** A line for each problem: where, what was asked, what to do. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `the spec of this stack has ${problems.length} problem(s):\n${problems.map((line) => `  ${line}`).join("\n")}`,
    );
    this.problems = problems;
  }
}

/** Where a problem is, as a person would write it: `duet:vms[0].name`. */
export function pathOf(path: readonly PropertyKey[]): string {
  const rest = path.map((part, at) => {
    const name = /^[\w-]{1,60}$/.test(String(part)) ? String(part) : quoted(part);
    return typeof part === "number" ? `[${part}]` : `${at === 0 ? ":" : "."}${name}`;
  });
  return `duet${rest.join("")}`;
}

/** The lines of a problem that the shape has found: each name that it does not know, or does not take, is one. */
export function linesOf(issue: z.core.$ZodIssue): readonly string[] {
  if (issue.code === "invalid_key") {
    return issue.issues.map(({ message }) => `${pathOf(issue.path)}: ${message}`);
  }
  return issue.code === "unrecognized_keys"
    ? issue.keys.map(
        (key) => `${pathOf([...issue.path, key])}: nothing here is called that; correct the name or remove it`,
      )
    : [`${pathOf(issue.path)}: ${issue.message}`];
}
