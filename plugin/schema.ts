import type { GuestAccess, WebConsoleAccess } from "../components/index.ts";
import { describedSpec, type Schema } from "../reference/schema.ts";
import { shown, takes } from "../reference/spec.ts";

/** What Pulumi's schema of a package says of a value. Source: pkg/codegen/schema of pulumi. */
interface Type {
  readonly type?: string;
  readonly $ref?: string;
  readonly items?: Type;
  readonly additionalProperties?: Type;
  readonly oneOf?: readonly Type[];
  readonly secret?: boolean;
  /** Whether it is known beforehand: never an output. */
  readonly plain?: boolean;
  readonly description?: string;
}

/** The types of a package that have a name. */
type Types = Record<string, object>;

const name = "duet-environment";
const languages = ["nodejs", "python", "go", "csharp", "java"];

/** The schema of the package, from which Pulumi checks programs in YAML and generates packages for other languages. */
export function packageSchema(version: string): object {
  const types: Types = {};
  const { properties = {}, required } = describedSpec();
  const access = (type: string, of: object, ...optional: readonly string[]): Type =>
    named(
      types,
      type,
      of,
      Object.keys(of).filter((key) => !optional.includes(key)),
    );
  return {
    name,
    version,
    description: "A debuggable Duet kernel environment, host and guest",
    language: Object.fromEntries(languages.map((language) => [language, { respectSchemaVersion: true }])),
    resources: {
      [token("DuetEnvironment")]: {
        isComponent: true,
        description: "A host that serves the sources, and guests that run the Duet kernel under a gdb stub.",
        inputProperties: inputsOf(types, properties, ""),
        requiredInputs: required,
        properties: {
          vms: { type: "array", items: access("GuestAccess", guestAccess, "gdbPort", "kernel") },
          webConsole: access("WebConsoleAccess", webConsoleAccess, "password"),
          workspace: text,
        },
        required: ["vms", "workspace"],
      },
    },
    types,
  };
}

const text: Type = { type: "string" };

const guestAccess: Readonly<Record<keyof GuestAccess, Type>> = {
  name: text,
  address: text,
  stub: text,
  gdbPort: { type: "integer" },
  kernel: text,
  kernelRelease: text,
  sshCommand: text,
  gdbCommand: text,
};

const webConsoleAccess: Readonly<Record<keyof WebConsoleAccess, Type>> = {
  address: text,
  user: text,
  password: { ...text, secret: true },
  forwardCommand: text,
};

const token = (type: string): string => `${name}:index:${type}`;

/** Gives the type of an object its name. */
function named(types: Types, type: string, properties: object, required: readonly string[]): Type {
  types[token(type)] = { type: "object", properties, required };
  return { $ref: `#/types/${token(type)}` };
}

/** The properties of an object of the spec, each with its words. */
function inputsOf(types: Types, properties: Readonly<Record<string, Schema>>, above: string): Record<string, Type> {
  const inputs = Object.entries(properties).map(([key, schema]): [string, Type] => {
    const type = typeOf(types, schema, `${above}${key.charAt(0).toUpperCase()}${key.slice(1)}`);
    return [key, { ...type, description: sentencesOn(schema) }];
  });
  return Object.fromEntries(inputs);
}

/** The type of a part of the spec. Of objects there is one, with the keys of all: the spec knows which go together. */
function typeOf(types: Types, schema: Schema, path: string): Type {
  const { type = "", items, anyOf, properties, additionalProperties, required = [] } = schema;
  if (anyOf !== undefined) {
    const objects = anyOf.flatMap((form) => form.properties ?? []);
    const forms = anyOf.filter((form) => form.properties === undefined);
    const all = objects.length > 0 ? [...forms, { properties: Object.assign({}, ...objects) }] : forms;
    const kinds = new Map(all.map((form) => typeOf(types, form, path)).map((kind) => [JSON.stringify(kind), kind]));
    const [first, ...others] = kinds.values();
    return first !== undefined && others.length === 0 ? first : { oneOf: [...kinds.values()], plain: true };
  }
  if (items !== undefined) {
    return { type: "array", items: typeOf(types, items, path.replace(/s$/, "")), plain: true };
  }
  if (typeof additionalProperties === "object") {
    const entries = typeOf(types, additionalProperties, `${path.replace(/s$/, "")}ByName`);
    return { type, additionalProperties: entries, plain: true };
  }
  const inputs = properties && inputsOf(types, properties, path);
  return { ...(inputs ? named(types, path, inputs, required) : { type }), plain: true };
}

/** What a property is, what it takes if its type does not say that, and its default. */
function sentencesOn(schema: Schema): string {
  const { description = "", type, properties, default: otherwise } = schema;
  const says = properties === undefined && takes(schema) !== type;
  return [
    description,
    ...(says ? [`Takes ${takes(schema)}.`] : []),
    ...(otherwise === undefined ? [] : [`Defaults to ${shown(otherwise)}.`]),
  ].join(" ");
}
