/** What a person may write as a spec: every one in the docs, and drawn ones, on the way from the file to the program. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { parseSpec, SpecError, valuesOf } from "../components/index.ts";
import { groundOf } from "../launcher/ground.ts";
import { project } from "../launcher/project.ts";
import { readSpec } from "../launcher/read-spec.ts";
import { UserError } from "../sandbox/report.ts";
import { findSite } from "../site.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

type Config = Record<string, unknown>;

/** A spec's file. Its lines are of any length: far to the right, yaml 2 breaks a line within an escape, and cannot read it. */
const fileOf = (config: Config) => stringify({ config }, { lineWidth: 0 });

/** What pulumi makes of a stack's file. Source: MarshalString in its sdk/go/common/resource/config/object.go. */
function handedOver(config: Config): Record<string, string> {
  const texts = Object.entries(config).map(([key, value]) => [
    key,
    typeof value === "string" ? value : value === null ? "" : JSON.stringify(value),
  ]);
  return Object.fromEntries(texts);
}

/** The problems of a spec, as the program finds them: whatever else is thrown would be told with a stack trace. */
function problemsOf(config: Config): readonly string[] {
  try {
    findSite(parseSpec(valuesOf(handedOver(config))), "dev", project, { HOME: "/root" });
    return [];
  } catch (error) {
    if (error instanceof SpecError) {
      return error.problems;
    }
    throw error;
  }
}

/** The specs in a text: the whole of it, or blocks of it that are indented. */
function specsIn(file: string): readonly (readonly [string, Config])[] {
  const text = readFileSync(join(project, file), "utf8");
  const blocks = file.endsWith(".yaml") ? [text] : (text.match(/(?:^ {4}.*\n|^\n(?= {4}))+/gm) ?? []);
  return blocks.filter((block) => /^\s*duet:\w+:/m.test(block)).map((block) => [file, parse(block).config]);
}

const inFolder = (folder: string, type: string) =>
  readdirSync(join(project, folder)).flatMap((name) => (name.endsWith(type) ? [join(folder, name)] : []));
const specs = ["README.md", ...inFolder("docs", ".md"), ...inFolder("stacks", ".yaml")].flatMap(specsIn);

describe("a spec", () => {
  it("is in the README, and in each stack's file", () => {
    const files = specs.map(([file]) => file);
    expect(files).toEqual([
      "README.md",
      "docs/loop.md",
      "stacks/Pulumi.sandbox.yaml",
      "stacks/Pulumi.workstation.yaml",
    ]);
  });

  it.each(specs)("of %s has no problem", (_file, config) => {
    expect(problemsOf(config)).toEqual([]);
  });

  it.each(specs)("of %s has no problem beside what Pulumi.yaml says by default", (_file, config) => {
    const { config: keys } = parse(readFileSync(join(project, "Pulumi.yaml"), "utf8"));
    const defaults = Object.entries(keys as Record<string, { default?: unknown }>).flatMap(([key, said]) =>
      "default" in said ? [[key, said.default]] : [],
    );
    expect(defaults).not.toEqual([]);
    expect(problemsOf({ ...Object.fromEntries(defaults), ...config })).toEqual([]);
  });

  it("of a workstation names each of its sources by a whole commit", () => {
    const [, config] = specs.find(([file]) => file === "stacks/Pulumi.workstation.yaml") ?? [];
    const sources = config?.["duet:sources"] as Record<string, { branch?: string }>;
    for (const role of ["kernel", "module", "tools"]) {
      expect([role, sources[role]?.branch]).toEqual([role, expect.stringMatching(/^[0-9a-f]{40}$/)]);
    }
  });

  it("of the README says the defaults", () => {
    const [, config = {}] = specs[0] ?? [];
    const { "duet:sources": sources, "duet:module": module } = config;
    // Which function to break at is found out later if it is not said.
    const { breakpoint } = module as { breakpoint: string };
    const least = { sources, module: { breakpoint }, vms: [{ name: "duetdev" }] };
    expect(parseSpec(valuesOf(handedOver(config)))).toEqual(parseSpec(least));
  });
});

/** Sets a key, of its own even if it is called __proto__. */
function put(object: object, key: PropertyKey, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

type Place = readonly [object, string];

/** Each place below a value that holds one: what holds it, and its key there. */
function placesIn(value: unknown): readonly Place[] {
  if (typeof value !== "object" || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([key, part]): readonly Place[] => [[value, key], ...placesIn(part)]);
}

const nested = (depth: number): unknown => JSON.parse("[".repeat(depth) + "]".repeat(depth));
const ownPrototype: unknown = JSON.parse('{ "__proto__": { "name": "one" } }');
const numbers = [0, -1, 1, 0.5, 511, 65536, 2 ** 31, 1e21, -0];
const texts = ["", " ", "~", "null", "yes", "0x10", "08", "1_000", "1e3", "2024-01-01", "-x", "a\nb", "a\u2028b", "\0"];
const oddities = [null, true, [], {}, [[]], [null], "x".repeat(100_000), ownPrototype, ...numbers, ...texts];
const value = fc.oneof(
  fc.constantFrom<unknown>(...oddities),
  fc.integer({ min: 1, max: 200 }).map(nested),
  fc.string({ unit: "binary" }),
  fc.jsonValue({ maxDepth: 3 }),
);
const key = fc.oneof(
  fc.constantFrom(
    "__proto__",
    "constructor",
    "toString",
    "length",
    "",
    " ",
    "a.b",
    "[0]",
    "имя",
    "a\nb",
    "Name",
    "tree",
  ),
  fc.string({ unit: "binary" }),
);
const change = fc.record({
  at: fc.nat(),
  how: fc.constantFrom("replace", "replace", "remove", "add", "rename", "repeat", "quote"),
  key,
  value,
});

type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function applied(config: Config, changes: readonly Change[]): Config {
  const changed = structuredClone(config);
  for (const { at, how, key, value: drawnValue } of changes) {
    // A file holds no value within itself, nor twice: what is put in is a copy, since what is drawn may be drawn again.
    const value = structuredClone(drawnValue);
    const places = placesIn(changed);
    const [holder, name] = places[at % places.length] ?? [changed, ""];
    const old: unknown = structuredClone(Reflect.get(holder, name));
    // Below the keys of pulumi's own, which begin with the project's name.
    const other = holder === changed ? `duet:${key}` : key;
    switch (how) {
      case "replace":
        put(holder, name, value);
        break;
      case "quote":
        put(holder, name, typeof old === "string" ? Number(old) || 0 : JSON.stringify(old));
        break;
      case "repeat":
        if (Array.isArray(holder)) holder.push(old);
        break;
      case "add":
        if (!Array.isArray(holder)) put(holder, other, value);
        break;
      default:
        if (Array.isArray(holder)) holder.splice(Number(name), 1);
        else Reflect.deleteProperty(holder, name);
        if (how === "rename" && !Array.isArray(holder)) put(holder, other, old);
    }
  }
  return changed;
}

const drawn = fc
  .tuple(fc.constantFrom(...specs), fc.array(change, { maxLength: 4 }))
  .map(([[, config], changes]) => applied(config, changes));

/** How a line begins that is about a field: its place, with what is in quotes if that cannot be written plainly. */
const heading = /^duet:(?:[\w-]+|"(?:[^"\\]|\\.)*(?:"|…))(?:\.(?:[\w-]+|"(?:[^"\\]|\\.)*(?:"|…))|\[\d+\])*: (?=\S)/;

/** A key as it stands in a place; undefined for one of which not all can be written. */
function keyIn(part: string): string | undefined {
  try {
    return part.startsWith('"') ? JSON.parse(part) : part;
  } catch {
    return undefined;
  }
}

/** Whether the place is one in the spec, or is missing in something that is. */
function isPlace(heading: string, config: Config): boolean {
  const parts = heading.slice("duet:".length, -2).match(/"(?:[^"\\]|\\.)*(?:"|…)|[\w-]+/g) ?? [];
  let found: unknown = valuesOf(handedOver(config));
  for (const [at, part] of parts.entries()) {
    const key = keyIn(part) ?? part;
    const isOdd = part.startsWith('"') && !(typeof found === "object" && Object.hasOwn(found ?? {}, key));
    if (typeof found !== "object" || found === null || (isOdd && at + 1 === parts.length)) {
      return isOdd && typeof found === "object" && found !== null;
    }
    if (!Object.hasOwn(found, key)) {
      return at + 1 === parts.length;
    }
    found = Reflect.get(found, key);
  }
  return true;
}

/** What is thrown, if it is of that class, and nothing if nothing is. */
function lines(work: () => unknown, kind: typeof UserError | typeof SpecError): string {
  try {
    work();
    return "";
  } catch (error) {
    expect(error).toBeInstanceOf(kind);
    return (error as Error).message;
  }
}

describe("any spec", () => {
  const numRuns = Number(process.env.FUZZ_RUNS ?? 1000);
  it(`is accepted, or refused with lines that each name a field (${numRuns} cases)`, { timeout: 120_000 }, () => {
    let refused = 0;
    const check = (config: Config) => {
      const problems = problemsOf(config);
      refused += problems.length > 0 ? 1 : 0;
      for (const problem of problems) {
        const [head = ""] = heading.exec(problem) ?? [];
        expect([problem, head !== "" && isPlace(head, config)]).toEqual([problem, true]);
        expect(problem).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]{1,1400}$/u);
        expect(problem).not.toMatch(/Invalid input|Unrecognized|expected \w+, received/);
      }
    };
    fc.assert(fc.property(drawn, check), { numRuns });
    expect(refused).toBeGreaterThan(numRuns / 4);
    expect(refused).toBeLessThan(numRuns);
  });

  it("has the same problems for the launcher, which reads its file, as for the program", () => {
    const file = join(temporaryFolder("duet-specs-"), "Pulumi.dev.yaml");
    const check = (config: Config) => {
      writeFileSync(file, fileOf(config));
      const told = lines(() => parseSpec(valuesOf(handedOver(config))), SpecError);
      expect(lines(() => readSpec(file), UserError)).toBe(told);
    };
    fc.assert(fc.property(drawn, check), { numRuns: numRuns / 4 });
  });

  it("of which the launcher reads the host is read, or refused in one line", () => {
    const check = (config: Config, text: string) => {
      for (const written of [fileOf(config), text]) {
        try {
          expect(groundOf(written, "a.yaml").uri).toMatch(/^[^\s\p{C}]*$/u);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
          expect((error as UserError).message).toMatch(/^cannot read a\.yaml: [^\p{C}]+$/u);
        }
      }
    };
    fc.assert(fc.property(drawn, fc.string({ unit: "binary" }), check), { numRuns: 200 });
  });
});
