import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseSpec, type SpecInput } from "../components/index.ts";
import { project } from "../launcher/project.ts";
import { packageSchema } from "./schema.ts";

// biome-ignore lint/suspicious/noExplicitAny: as others read it.
const schema: any = JSON.parse(JSON.stringify(packageSchema("0.1.0")));
const { inputProperties, requiredInputs, properties } = schema.resources["duet-environment:index:DuetEnvironment"];
const inputs = { properties: inputProperties, required: requiredInputs };

interface Type {
  readonly type?: string;
  readonly $ref?: string;
  readonly items?: Type;
  readonly oneOf?: readonly Type[];
}

/** Whether a value is of a type, as Pulumi holds a program in YAML against the schema: no key may be without a property. */
function isOf(value: unknown, { type, $ref, items, oneOf }: Type): boolean {
  if (oneOf !== undefined) {
    return oneOf.some((one) => isOf(value, one));
  }
  if (items !== undefined) {
    return Array.isArray(value) && value.every((one) => isOf(one, items));
  }
  if ($ref !== undefined) {
    return isObject(value, schema.types[$ref.slice("#/types/".length)]);
  }
  return typeof value === (type === "integer" ? "number" : type);
}

function isObject(value: unknown, of: { properties: Record<string, Type>; required: readonly string[] }): boolean {
  const isKnown = ([key, part]: [string, unknown]) =>
    of.properties[key] !== undefined && isOf(part, of.properties[key]);
  return (
    typeof value === "object" &&
    value !== null &&
    Object.entries(value).every(isKnown) &&
    of.required.every((key) => key in value)
  );
}

const git = { git: "https://example.org/a.git", branch: "main", submodules: true };
const sources = { kernel: { package: "linux-source-6.1" }, module: { copy: "samples/module" }, tools: git };
const least: SpecInput = { sources, vms: [{ name: "one" }] };
const sha256 = "0".repeat(64);

describe("the schema of the component package", () => {
  const files = readdirSync(join(project, "stacks")).filter((file) => /^Pulumi\..*\.yaml$/.test(file));

  it.each(files)("takes what %s says", (file) => {
    const { config } = parse(readFileSync(join(project, "stacks", file), "utf8"));
    const entries = Object.entries(config).map(([key, value]) => [key.replace("duet:", ""), value]);
    expect(isObject(Object.fromEntries(entries), inputs)).toBe(true);
  });

  it.each<Partial<SpecInput>>([
    {},
    { image: { url: "https://example.org/a.qcow2", sha256 } },
    { image: { path: "/a.qcow2" } },
    { kernel: { base: "/boot/config", toolchain: "host", packages: ["headers"] } },
    { kernel: { base: "tiny", toolchain: { root: "/srv/bullseye" }, config: ["CONFIG_A=y"] } },
    { tools: { perf: true } },
    { tools: { perf: "package" } },
    { host: { crashes: { dumps: 0 } }, vms: [{ name: "one", snapshot: true, boot: "direct" }] },
  ])("takes %j, as the spec does", (part) => {
    expect(isObject(parseSpec({ ...least, ...part }) && { ...least, ...part }, inputs)).toBe(true);
  });

  it.each<object>([
    { sources: { kernel: git, module: git } },
    { vms: [{ memory: 1024 }] },
    { vms: [{ name: "one", memory: "1024" }] },
    { kernel: { tool: "host" } },
    { tools: { perf: 1 } },
  ])("refuses %j, as the spec does", (part) => {
    expect(() => parseSpec({ ...least, ...part })).toThrow();
    expect(isObject({ ...least, ...part }, inputs)).toBe(false);
  });

  it("has a name for all types, and words for all inputs, none of which may be an output", () => {
    const text = JSON.stringify(schema);
    for (const [, name = ""] of text.matchAll(/"#\/types\/([^"]+)"/g)) {
      expect(schema.types).toHaveProperty([name]);
    }
    const given = [...JSON.stringify(properties).matchAll(/"#\/types\/([^"]+)"/g)].map(([, name]) => name);
    const types = Object.entries<typeof inputs>(schema.types).filter(([name]) => !given.includes(name));
    for (const [name, type] of [["inputs", inputs], ...types] as const) {
      for (const [key, input] of Object.entries(type.properties)) {
        expect([name, key, input]).toEqual([
          name,
          key,
          expect.objectContaining({ plain: true, description: expect.stringMatching(/\.$/) }),
        ]);
      }
    }
  });
});
