import { describedSpec, entriesOf, type Schema, wordsPath } from "./schema.ts";

/** The reference of the spec: a table a key of the file, made from the shape by which a spec is checked. */
export function specReference(): string {
  const { properties = {}, required = [] } = describedSpec();
  const parts = Object.entries(properties).map(([key, schema]) =>
    [
      `## duet:${key}`,
      `${schema.description}${required.includes(key) ? "" : " May be left out."}`,
      ...alternatives(schema),
      table(rowsOf(schema, key)),
    ]
      .filter(Boolean)
      .join("\n\n"),
  );
  return `${[heading, ...parts].join("\n\n")}\n`;
}

const heading = `# The spec of a stack

\`stacks/Pulumi.NAME.yaml\`, one file a stack, checked whole before anything runs. Each key below stands under \`config\`. An
editor that knows JSON schemas completes them by \`stacks/spec.schema.json\`. Made by \`npm run docs\`; not to be edited.`;

type Row = readonly [key: string, takes: string, otherwise: string, meaning: string];

function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`);
  return rows.length === 0
    ? ""
    : ["| key | takes | default | meaning |", "| --- | --- | --- | --- |", ...lines].join("\n");
}

/** A line of code for each form of which a value takes one. */
function alternatives({ anyOf = [] }: Schema): readonly string[] {
  return anyOf.length === 0 ? [] : [`Takes one of ${anyOf.map(takes).join(", ")}.`];
}

/** The key at the top of a path. */
const topOf = (path: string) => path.split(/[.[]/)[0];

/** The keys below a schema, those of alternatives and of the roles of sources once each, and those of another top not. */
function rowsOf(schema: Schema, path: string, seen = new Set<string>()): readonly Row[] {
  const all = [schema, ...(schema.anyOf ?? []), ...(schema.items === undefined ? [] : [schema.items])];
  const entries = entriesOf(schema).flatMap((entry): readonly Row[] => [
    ["`NAME`", takes(entry), "", entry.description ?? ""],
    ...rowsOf(entry, `${path}.*`, seen),
  ]);
  return [
    ...entries,
    ...all.flatMap(({ properties = {}, required = [] }) =>
      Object.entries(properties).flatMap(([key, part]): readonly Row[] => {
        const own = wordsPath(`${path}.${key}`);
        if (seen.has(own) || topOf(own) !== topOf(path)) {
          return [];
        }
        seen.add(own);
        const isNeeded = required.includes(key) && schema.anyOf === undefined;
        const otherwise = part.default === undefined ? (isNeeded ? "needed" : "") : `\`${shown(part.default)}\``;
        const row: Row = [
          `\`${own.slice(own.indexOf(".") + 1).replace(/^\*/, topOf(own) === "kernels" ? "NAME" : "*")}\``,
          takes(part),
          otherwise,
          part.description ?? "",
        ];
        return [row, ...rowsOf(part, own, seen)];
      }),
    ),
  ];
}

/** What a value is, in a few words. */
export function takes(schema: Schema): string {
  const { type, enum: values, const: only, items, anyOf, properties, minimum, maximum } = schema;
  if (entriesOf(schema).length > 0) {
    return "objects by their names";
  }
  if (anyOf !== undefined) {
    return anyOf.map(takes).join(", ");
  }
  if (only !== undefined || values !== undefined) {
    return (values ?? [only]).map((value) => `\`${shown(value)}\``).join(", ");
  }
  if (items !== undefined) {
    return `list of ${properties === undefined ? takes(items) : "objects"}`;
  }
  if (properties !== undefined) {
    return `\`{ ${Object.keys(properties).join(", ")} }\``;
  }
  const isBounded = minimum !== undefined && maximum !== undefined && Math.abs(minimum) < Number.MAX_SAFE_INTEGER;
  return isBounded ? `${minimum} to ${maximum}` : (type ?? "");
}

/** A value as YAML takes it on one line. */
export function shown(value: unknown): string {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return `{ ${Object.entries(value)
      .map(([key, part]) => `${key}: ${shown(part)}`)
      .join(", ")} }`;
  }
  return Array.isArray(value) ? `[${value.map(shown).join(", ")}]` : String(value);
}
