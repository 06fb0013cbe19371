/** The package as others have it: packed, unpacked below a program of theirs, and imported there. */
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse, stringify } from "yaml";
import { project } from "../../launcher/project.ts";
import { packageSchema } from "../../plugin/schema.ts";
import { schemaOf } from "./plugin.ts";
import { type Preview, previewer } from "./preview.ts";

vi.setConfig({ testTimeout: 300_000 });

/** Two folders with the same programs: one has the package, and the other this project in its place. */
let folder: string;
let packed: string;
let source: string;
let installed: string;

const manifest = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
const bundled: readonly string[] = manifest.bundleDependencies;

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

/** Links what npm would install beside the package. */
function linkDependencies(modules: string): void {
  const asked = Object.keys(manifest.dependencies).filter((name) => !bundled.includes(name));
  for (const name of [...asked, "@types/node", "undici-types"]) {
    link(join(project, "node_modules", name), join(modules, name));
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "duet-package-"));
  [packed, source] = [join(folder, "packed"), join(folder, "source")];
  for (const root of [packed, source]) {
    cpSync(join(project, "examples"), root, { recursive: true });
    linkDependencies(join(root, "node_modules"));
  }
  installed = join(packed, "node_modules/duet-environment");
  const here = { cwd: project, env: { npm_config_cache: join(folder, "npm") } };
  await execa("npm", ["run", "build"], here);
  const npm = ["pack", "--ignore-scripts", "--offline", "--pack-destination", folder];
  await execa("npm", npm, here);
  const tarball = join(folder, `duet-environment-${manifest.version}.tgz`);
  mkdirSync(installed);
  await execa("tar", ["--extract", "--gzip", "--strip-components=1", "--file", tarball, "--directory", installed]);
  const own = join(source, "node_modules/duet-environment");
  mkdirSync(own);
  writeFileSync(join(own, "package.json"), JSON.stringify({ type: "module", exports: "./library.ts" }));
  link(join(project, "library.ts"), join(own, "library.ts"));
}, 600_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program of a folder with mocks: the resources that it declares and its outputs, or what it says is wrong. */
async function declare(root: string, program: string, stack: string, guests: readonly string[]) {
  const words = [join(import.meta.dirname, "declare.ts"), join(root, program), stack, ...guests];
  const env = { PATH: process.env.PATH, HOME: "/home/dev" };
  const ran = await execa(process.execPath, words, { cwd: root, env, extendEnv: false, reject: false });
  // Where the package is, is the one difference.
  const same = ran.stdout
    .replaceAll(join(installed, "dist"), project)
    .replaceAll(root, "/program")
    .replaceAll("image/build.js", "image/build.ts");
  const lines = same.split("\n").filter((line) => line !== "");
  return { ...ran, made: lines.toSorted().map((line) => JSON.parse(line)) };
}

/** Writes a program in YAML that is the example's with other inputs. */
function writeYaml(file: string, inputs: object): void {
  const program = parse(readFileSync(join(packed, "yaml/Pulumi.yaml"), "utf8"));
  program.resources.duet.properties = inputs;
  mkdirSync(join(packed, dirname(file)), { recursive: true });
  writeFileSync(join(packed, file), stringify(program));
}

const examples = [
  { example: "one-guest", stack: "dev", guests: ["duetdev"] },
  { example: "two-kernels", stack: "before", guests: ["duet-before"] },
  { example: "two-kernels", stack: "after", guests: ["duet-after"] },
  { example: "components", stack: "dev", guests: ["duetdev"] },
];

describe("the package", () => {
  it("has types that take the examples, and refuse a plain object with a name that the spec has not", async () => {
    const text = 'import { onThisMachine } from "duet-environment";\nonThisMachine({ vms: [{ nam: "one" }] });\n';
    writeFileSync(join(packed, "wrong.ts"), text);
    const { stdout } = await execa(join(project, "node_modules/.bin/tsc"), ["-p", packed], {
      cwd: packed,
      reject: false,
    });
    const errors = stdout.split("\n").filter((line) => /^\S/.test(line));
    expect(errors).toEqual([expect.stringMatching(/^wrong\.ts\(2,\d+\): error /)]);
  });

  it.each(examples)(
    "declares for $example, stack $stack, what this project declares",
    async ({ example, stack, guests }) => {
      const ours = await declare(source, `${example}/index.ts`, stack, guests);
      const theirs = await declare(packed, `${example}/index.ts`, stack, guests);
      expect(theirs.stderr).toBe("");
      expect(theirs.made.length).toBeGreaterThan(30);
      expect(theirs.made).toEqual(ours.made);
    },
  );

  it("says what is wrong with a plain object, a line a problem", async () => {
    const text = 'onThisMachine({ host: { uri: 1 }, vms: [{ name: "One" }] });';
    writeFileSync(join(packed, "problems.js"), `import { onThisMachine } from "duet-environment";\n${text}\n`);
    const { exitCode, stderr } = await declare(packed, "problems.js", "dev", []);
    expect(exitCode).toBe(1);
    expect(stderr.split("\n")).toEqual([
      "the spec of this stack has 3 problem(s):",
      expect.stringMatching(/^ {2}duet:host\.uri: asked for 1; takes /),
      expect.stringMatching(/^ {2}duet:sources: is missing; /),
      expect.stringMatching(/^ {2}duet:vms\[0\]\.name: asked for "One"; /),
    ]);
  });

  it("has a plugin that makes for a program in YAML what the program in TypeScript makes", async () => {
    const ours = await declare(source, "one-guest/index.ts", "dev", ["duetdev"]);
    const theirs = await declare(packed, "yaml/Pulumi.yaml", "dev", ["duetdev"]);
    expect(theirs.stderr).toBe("");
    expect(theirs.made.length).toBeGreaterThan(30);
    expect(theirs.made).toEqual(ours.made);
  });

  it("has a plugin that says its schema, of the package's version", async () => {
    const said = await schemaOf(join(installed, "dist/plugin"));
    expect(said).toEqual(JSON.parse(JSON.stringify(packageSchema(manifest.version))));
  });

  it("has a plugin in whose folder npm, which Pulumi calls for a new package, has nothing to install", async () => {
    const cwd = join(installed, "dist/plugin");
    await execa("npm", ["install", "--offline"], { cwd, env: { npm_config_cache: join(folder, "npm") } });
    expect(existsSync(join(cwd, "package-lock.json"))).toBe(true);
    expect(existsSync(join(installed, "package-lock.json"))).toBe(false);
  });

  const later = { "4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4" };
  it.each([
    {
      inputs: { host: { uri: 1 }, vms: [{ name: "One" }] },
      problems: [
        /duet:host\.uri: asked for 1; takes /,
        /duet:sources: is missing; /,
        /duet:vms\[0\]\.name: asked for "One"; /,
      ],
    },
    {
      inputs: { sources: later, vms: [{ name: "one", memory: later }] },
      problems: [/duet:sources: asked for an output /, /duet:vms\[0\]\.memory: asked for an output /],
    },
  ])(
    "has a plugin that says what is wrong with $inputs, a line a problem, and makes nothing",
    async ({ inputs, problems }) => {
      writeYaml("yaml/wrong.yaml", inputs);
      const { exitCode, stderr, made } = await declare(packed, "yaml/wrong.yaml", "dev", []);
      expect({ exitCode, made }).toEqual({ exitCode: 1, made: [] });
      expect(stderr.split("\n").slice(1)).toEqual(problems.map((line) => expect.stringMatching(line)));
    },
  );

  it("has the provider as the program that pulumi starts, which says on which port it listens", async () => {
    const env = { PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
    const provider = execa(join(installed, "dist/provider/pulumi-resource-duet"), ["127.0.0.1:1"], { env });
    const [port] = await once(createInterface({ input: provider.stdout }), "line");
    expect(port).toMatch(/^\d+$/);
    provider.stdin.end();
    expect((await provider).exitCode).toBe(0);
  });

  it("has what the provider asks a machine with", async () => {
    const { readMachine } = await import(join(installed, "dist/provider/drift.js"));
    const reader = { command: ["bash", "-c"], records: join(folder, "steps"), timeout: 60 };
    expect(await readMachine(reader)).toEqual({ drift: {}, hasSteps: false, notes: [] });
  });
});

describe("the package under the real engine", () => {
  let preview: (program: string) => Promise<Preview>;

  beforeAll(async () => {
    preview = await previewer(join(folder, "engine"));
  }, 900_000);

  /** What would be created for an example, in a project of one name: much is named for it. */
  async function plannedOf(example: string) {
    const file = join(packed, example, "Pulumi.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace(/^name: .*/m, "name: one"));
    const { planned, errors } = await preview(join(packed, example));
    expect(errors).toEqual([]);
    return planned
      .filter(({ type }) => type !== "pulumi:providers:duet-environment")
      .map(({ urn, inputs }) => ({ urn, inputs }))
      .toSorted((a, b) => a.urn.localeCompare(b.urn));
  }

  it("has a preview of the program in YAML that plans what it plans for the one in TypeScript", async () => {
    const planned = await plannedOf("yaml");
    expect(planned.length).toBeGreaterThan(60);
    expect(planned).toEqual(await plannedOf("one-guest"));
  });

  it("has a preview of a program in YAML that says what is wrong, with paths below the program's folder", async () => {
    const sources = { kernel: { copy: "a" }, module: { copy: "b" }, tools: { copy: "c" } };
    writeYaml("wrong/Pulumi.yaml", { sources, vms: [{ name: "one" }], kernel: { fragments: ["none/of.it"] } });
    const { planned, errors } = await preview(join(packed, "wrong"));
    expect(planned.map(({ type }) => type)).not.toContain("duet:index:DuetEnvironment");
    expect(errors).toEqual([expect.stringContaining(`below ${join(packed, "wrong")};`)]);
    expect(errors[0]).toMatch(/problem\(s\):\n {2}duet:kernel\.fragments: asked for none\/of\.it, [^\n]+\n*$/);
  });
});
