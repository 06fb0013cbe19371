import { specSchema } from "../components/spec.ts";
import { words } from "./words.ts";

/** A part of a JSON schema, as far as the reference looks at it. */
export interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  /** What each entry is, if the keys are names. */
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
}

/** The path of a key in words.ts: the roles of sources have the same keys, and so have all kernels. */
export function wordsPath(path: string): string {
  return path
    .replace(/^(?:sources\.(?:kernel|module|tools)|kernels\.\*\.source)\./, "sources.*.")
    .replace(/^kernels\.\*\.(?!source$)/, "kernel.");
}

/** The schema of each entry, if the keys are names; a list with that one, or an empty one. */
export function entriesOf({ additionalProperties }: Schema): readonly Schema[] {
  return typeof additionalProperties === "object" ? [additionalProperties] : [];
}

/** The shape of a spec, each key with its words. */
export function describedSpec(): Schema {
  return described(specSchema() as Schema, "");
}

function described(schema: Schema, path: string): Schema {
  const { default: value, pattern, properties, items, anyOf, additionalProperties, ...rest } = schema;
  const description = words[wordsPath(path)];
  return {
    ...(description === undefined ? {} : { description }),
    ...rest,
    // What is left out of an object has defaults of its own.
    ...(value === undefined || (properties !== undefined && anyOf === undefined) ? {} : { default: value }),
    // Not every editor takes classes of Unicode for what they are.
    ...(pattern === undefined || pattern.includes("\\p{") ? {} : { pattern }),
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([key, part]) => [key, described(part, path === "" ? key : `${path}.${key}`)]),
      ),
    }),
    ...(additionalProperties === undefined ? {} : { additionalProperties }),
    ...Object.fromEntries(entriesOf(schema).map((entry) => ["additionalProperties", described(entry, `${path}.*`)])),
    ...(items && { items: described(items, `${path}[]`) }),
    ...(anyOf && { anyOf: anyOf.map((part) => ({ ...described(part, path), description: undefined })) }),
  };
}

/** The schema of a stack's file, for the completion of an editor. Pulumi writes more keys into it. */
export function fileSchema(): object {
  const { properties = {}, required = [] } = describedSpec();
  const named = (key: string) => `duet:${key}`;
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "The spec of a Duet environment",
    type: "object",
    properties: {
      config: {
        type: "object",
        properties: Object.fromEntries(Object.entries(properties).map(([key, schema]) => [named(key), schema])),
        required: required.map(named),
      },
    },
    required: ["config"],
  };
}
