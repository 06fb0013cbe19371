import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { project } from "../launcher/project.ts";
import { referenceFiles } from "./files.ts";
import { describedSpec, entriesOf, fileSchema, type Schema, wordsPath } from "./schema.ts";
import { words } from "./words.ts";

/** The paths of all keys below a schema, as words.ts has them. */
function pathsOf(schema: Schema, path = ""): readonly string[] {
  const { properties = {}, items, anyOf = [] } = schema;
  const keys = Object.entries(properties).flatMap(([key, part]) => {
    const own = path === "" ? key : `${path}.${key}`;
    return [wordsPath(own), ...pathsOf(part, own)];
  });
  const entries = items === undefined ? [] : [wordsPath(`${path}[]`), ...pathsOf(items, `${path}[]`)];
  const named = entriesOf(schema).flatMap((entry) => [`${path}.*`, ...pathsOf(entry, `${path}.*`)]);
  return [...keys, ...entries, ...named, ...anyOf.flatMap((part) => pathsOf(part, path))];
}

describe("the reference", () => {
  it("has words for each key of the spec, and for nothing else", () => {
    expect(Object.keys(words).sort()).toEqual([...new Set(pathsOf(describedSpec()))].sort());
  });

  it.each(Object.entries(referenceFiles()))("is as npm run docs writes it: %s", (file, text) => {
    expect(readFileSync(join(project, file), "utf8")).toBe(text);
  });

  it("names each verb and each key of a stack's file", () => {
    const { "docs/reference/spec.md": spec = "", "docs/reference/duetctl.md": command = "" } = referenceFiles();
    expect(spec).toMatch(/^\| `bootTimeout` \| 30 to 86400 \| `600` \| Seconds /m);
    expect(spec.match(/^## duet:\w+$/gm)).toHaveLength(9);
    expect(command).toMatch(/^## duetctl ssh$/m);
  });
});

describe("the schema for editors", () => {
  const schema = z.fromJSONSchema(fileSchema() as Parameters<typeof z.fromJSONSchema>[0]);
  const specs = readdirSync(join(project, "stacks")).filter((file) => /^Pulumi\..*\.yaml$/.test(file));

  it.each(specs)("takes %s, which names it", (file) => {
    const text = readFileSync(join(project, "stacks", file), "utf8");
    expect(schema.safeParse(parse(text)).error).toBeUndefined();
    expect(text).toMatch(/^# yaml-language-server: \$schema=spec\.schema\.json\n/);
  });

  it("refuses what the spec refuses: a key that is not there, a value out of its range", () => {
    const tree = { tree: "/a/b" };
    const spec = (change: object) => ({
      config: { "duet:sources": { kernel: tree, module: tree, tools: tree }, "duet:vms": [{ name: "one", ...change }] },
    });
    expect(schema.safeParse(spec({})).success).toBe(true);
    expect(schema.safeParse(spec({ memory: 256 })).success).toBe(false);
    expect(schema.safeParse(spec({ colour: "red" })).success).toBe(false);
    expect(schema.safeParse({ config: {} }).success).toBe(false);
  });
});
