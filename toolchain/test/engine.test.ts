import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { toolchainEnvironment } from "../install.ts";
import { commandPlugin, isStandIn, toolchain } from "./installed.ts";
import { pidIn, runs, until } from "./processes.ts";

// The same plugin as in conformance.test.ts, driven by the real engine: what a user of Pulumi sees of it.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const modules = join(import.meta.dirname, "../../node_modules");
const project = mkdtempSync(join(tmpdir(), "duet-engine-"));
const home = join(project, "home");
const env: NodeJS.ProcessEnv = {
  ...toolchainEnvironment({ ...toolchain, home }, process.env),
  PULUMI_BACKEND_URL: `file://${project}`,
  PULUMI_CONFIG_PASSPHRASE: "engine",
};

/** Runs pulumi; what it printed, and its exit code. */
async function pulumi(...words: string[]): Promise<{ readonly said: string; readonly code: number }> {
  const all = [...words, "--non-interactive", "--color", "never", "--stack", "dev"];
  try {
    const { stdout, stderr } = await promisify(execFile)(toolchain.pulumi, all, { cwd: project, env });
    return { said: stdout + stderr, code: 0 };
  } catch (error) {
    const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: number };
    return { said: stdout + stderr, code };
  }
}

const up = () => pulumi("up", "--yes", "--skip-preview");
const startUp = () =>
  spawn(toolchain.pulumi, ["up", "--yes", "--skip-preview", "--non-interactive", "--stack", "dev"], {
    cwd: project,
    env,
    stdio: "ignore",
  });

/** Writes the program: JavaScript that has `local` of @pulumi/command, and `pulumi`. */
function program(...lines: string[]): void {
  const head = ['const pulumi = require("@pulumi/pulumi");', 'const { local } = require("@pulumi/command");'];
  writeFileSync(join(project, "index.js"), [...head, ...lines, ""].join("\n"));
}

/** What the commands have appended to a file of the project's. */
const record = (): string[] => {
  const file = join(project, "record");
  return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
};

/** Names of the commands in the state. */
async function commands(): Promise<string[]> {
  const { said } = await pulumi("stack", "--show-urns");
  return [...said.matchAll(/::command:local:Command::(\S+)/g)].map(([, name]) => name ?? "");
}

beforeAll(async () => {
  mkdirSync(join(home, "plugins/resource-command-v1.2.1"), { recursive: true });
  symlinkSync(commandPlugin, join(home, "plugins/resource-command-v1.2.1/pulumi-resource-command"));
  mkdirSync(join(project, "node_modules/@pulumi"), { recursive: true });
  for (const name of ["@pulumi/pulumi", "@pulumi/command"]) {
    symlinkSync(join(modules, name), join(project, "node_modules", name));
  }
  writeFileSync(
    join(project, "Pulumi.yaml"),
    "name: engine\nruntime: { name: nodejs, options: { typescript: false } }\n",
  );
  writeFileSync(join(project, "package.json"), '{ "name": "engine", "main": "index.js" }\n');
  expect((await pulumi("stack", "init")).code).toBe(0);
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

describe("a command under Pulumi", () => {
  const resources = (generation: number, stdin: string) => [
    'new local.Command("triggered", {',
    `  environment: { GENERATION: "${generation}" }, triggers: [${generation}],`,
    "  create: 'echo create $GENERATION >> record', delete: 'echo delete $GENERATION >> record',",
    "});",
    `new local.Command("fed", { create: "cat >> record", update: "cat >> record; echo '<'$PULUMI_COMMAND_STDOUT'>' >> record; echo said", stdin: ${JSON.stringify(stdin)} });`,
    'const token = pulumi.secret("s3cr" + "3t");',
    'const hushed = new local.Command("hushed", {',
    '  create: "printenv TOKEN", environment: { TOKEN: token }, logging: "none",',
    '}, { additionalSecretOutputs: ["stdout"] });',
    "exports.length = hushed.stdout.apply((text) => text.length);",
  ];

  it("is not run by a preview, where local.run is", async () => {
    program(...resources(1, "one\n"), 'local.runOutput({ command: "echo looked; echo looked >> record" });');
    const { said, code } = await pulumi("preview");
    expect(said).toMatch(/ looked$/m);
    expect(code).toBe(0);
    expect(record()).toEqual(["looked"]);
    rmSync(join(project, "record"));
  });

  it("is created, and its secrets are in no state and no output", async () => {
    program(...resources(1, "one\n"));
    const { said, code } = await up();
    expect(code, said).toBe(0);
    expect(record().sort()).toEqual(["create 1", "one"]);
    expect(said).toContain("[secret]");
    const state = readFileSync(join(project, ".pulumi/stacks/engine/dev.json"), "utf8");
    expect(said + state).not.toContain("s3cr3t");
    expect((await pulumi("stack", "output", "length", "--show-secrets")).said.trim()).toBe("6");
  });

  it("is left alone if nothing has changed", async () => {
    const { said } = await up();
    expect(said).toMatch(/4 unchanged/);
    expect(record()).toHaveLength(2);
  });

  it("is replaced for its triggers: created again first, then deleted in its old environment", async () => {
    rmSync(join(project, "record"));
    program(...resources(2, "one\n"));
    const { said } = await up();
    expect(said).toMatch(/1 replaced/);
    expect(record()).toEqual(["create 2", "delete 1"]);
  });

  it("is updated for its stdin alone, and knows its last output", async () => {
    rmSync(join(project, "record"));
    program(...resources(2, "two\n"));
    expect((await up()).said).toMatch(/1 updated/);
    program(...resources(2, "three\n"));
    expect((await up()).said).toMatch(/1 updated/);
    expect(record()).toEqual(["two", "<>", "three", "<said>"]);
  });

  it("fails with what it was and what it said; it is not recorded, and never deleted", async () => {
    rmSync(join(project, "record"));
    program(
      ...resources(2, "three\n"),
      'new local.Command("failing", { create: "echo one; echo two >&2; exit 3", delete: "echo deleted >> record" });',
    );
    const { said, code } = await up();
    expect(code).not.toBe(0);
    expect(said).toMatch(/exit status 3: running "echo one; echo two >&2; exit 3":\s+(one\s+two|two\s+one)/);
    expect(await commands()).not.toContain("failing");
  });

  it("is killed by an interrupt, and not recorded", async () => {
    program(...resources(2, "three\n"), 'new local.Command("long", { create: "echo $$ > pid; exec sleep 60" });');
    const running = startUp();
    const ended = once(running, "close");
    const pid = await pidIn(join(project, "pid"));
    running.kill("SIGINT");
    expect((await ended)[0]).not.toBe(0);
    expect(runs(pid)).toBe(false);
    expect(await commands()).not.toContain("long");
  });

  it("is deleted by a destroy", async () => {
    const { said, code } = await pulumi("destroy", "--yes", "--skip-preview");
    expect(code, said).toBe(0);
    expect(record()).toEqual(["delete 2"]);
  });

  // The released ones end too, but only minutes later.
  it.runIf(isStandIn && toolchain.source === "built")("ends within seconds of an engine that was killed", async () => {
    for (const name of ["pid", "plugin", "host"]) rmSync(join(project, name), { force: true });
    program(
      'require("fs").writeFileSync("host", String(process.ppid));',
      'new local.Command("long", { create: "echo $PPID > plugin; echo $$ > pid; exec sleep 60" });',
    );
    const running = startUp();
    const pids = await Promise.all(["pid", "plugin", "host"].map((name) => pidIn(join(project, name))));
    expect(pids.map(runs)).toEqual([true, true, true]);
    running.kill("SIGKILL");
    await until(() => !pids.some(runs));
  });
});
