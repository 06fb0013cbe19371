/**
 * How much a second `up` costs: a stack that stands and has nothing to do, probes and all, beside two programs that do
 * nothing, in turns, with the same pulumi. Prints the median seconds of each, and the ratios; the aim is 2.5 or less.
 *
 * Usage: npm run bench [STACK [ROUNDS]]. Defaults to the stack "sandbox" and 5 rounds.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { folders } from "../launcher/environment.ts";
import { installToolchain, toolchainEnvironment } from "../toolchain/install.ts";
import { median } from "./median.ts";

const project = join(import.meta.dirname, "..");
const [stack = "sandbox", rounds = "5"] = process.argv.slice(2);
const upWords = ["up", "--yes", "--skip-preview", "--non-interactive", "--stack"];

const toolchain = await installToolchain(process.env);
const folder = mkdtempSync(join(tmpdir(), "duet-bench-"));
const environment = {
  ...toolchainEnvironment(toolchain, process.env),
  PULUMI_BACKEND_URL: `file://${folder}`,
  PULUMI_CONFIG_PASSPHRASE: "",
  NODE_COMPILE_CACHE: join(folders(process.env).cache, "node"),
};

/** Programs that make nothing, by what they are called in the output. */
const baselines = {
  "empty program": "",
  "program of `pulumi new`, which imports the SDK": '"use strict";\nconst pulumi = require("@pulumi/pulumi");\n',
};

function seconds(command: string, words: readonly string[], cwd: string, env: NodeJS.ProcessEnv): number {
  const started = performance.now();
  const printed = execFileSync(command, words, { cwd, env, encoding: "utf8", maxBuffer: 1 << 26 });
  const changed = printed.match(/^ *[-+~]+ \d+ (?:created|updated|replaced|deleted)/m);
  if (changed) {
    throw new Error(`an up that changes nothing was to be timed, and it changed something: ${changed[0].trim()}`);
  }
  return (performance.now() - started) / 1000;
}

/** Makes a stack of a program that is one file, brings it up, and gives what times another `up` of it. */
function baseline(program: string, index: number): () => number {
  const name = `baseline${index}`;
  const cwd = join(folder, name);
  mkdirSync(cwd);
  writeFileSync(join(cwd, "Pulumi.yaml"), `name: ${name}\nruntime: { name: nodejs, options: { typescript: false } }\n`);
  writeFileSync(join(cwd, "package.json"), '{ "main": "index.js" }\n');
  writeFileSync(join(cwd, "index.js"), program);
  symlinkSync(join(project, "node_modules"), join(cwd, "node_modules"));
  execFileSync(toolchain.pulumi, ["stack", "init", name], { cwd, env: environment, stdio: "ignore" });
  execFileSync(toolchain.pulumi, [...upWords, name], { cwd, env: environment, stdio: "ignore" });
  return () => seconds(toolchain.pulumi, [...upWords, name], cwd, environment);
}

try {
  const own = `no-op up of ${stack}`;
  const timed: Record<string, () => number> = {
    ...Object.fromEntries(Object.entries(baselines).map(([name, program], index) => [name, baseline(program, index)])),
    [own]: () => seconds(join(project, "bin/pulumi"), [...upWords, stack], project, process.env),
  };
  const names = Object.keys(timed);
  const times = Array.from({ length: Number(rounds) }, () => names.map((name) => timed[name]?.() ?? Number.NaN));
  const medians = names.map((_, index) => median(times.map((round) => round[index] ?? Number.NaN)));
  const last = medians.at(-1) ?? Number.NaN;
  for (const [index, name] of names.entries()) {
    const value = medians[index] ?? Number.NaN;
    const ratio = name === own ? "" : `; ${own} takes ${(last / value).toFixed(2)} times as long (aim: 2.50)`;
    console.log(`${name}: ${value.toFixed(2)} s${ratio}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
