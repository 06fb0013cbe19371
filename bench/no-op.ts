/**
 * How much a second `up` costs: a stack that stands and has nothing to do, probes and all, beside an empty program, in
 * turns, with the same pulumi. Prints the median seconds of both and their ratio; the aim is 2.5 or less.
 *
 * Usage: npm run bench [STACK [ROUNDS]]. Defaults to the stack "sandbox" and 5 rounds.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { folders } from "../bin/environment.ts";
import { installToolchain, toolchainEnvironment } from "../toolchain/install.ts";

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

function seconds(command: string, words: readonly string[], cwd: string, env: NodeJS.ProcessEnv): number {
  const started = performance.now();
  const printed = execFileSync(command, words, { cwd, env, encoding: "utf8", maxBuffer: 1 << 26 });
  const changed = printed.match(/^ *[-+~]+ \d+ (?:created|updated|replaced|deleted)/m);
  if (changed) {
    throw new Error(`an up that changes nothing was to be timed, and it changed something: ${changed[0].trim()}`);
  }
  return (performance.now() - started) / 1000;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

try {
  writeFileSync(
    join(folder, "Pulumi.yaml"),
    "name: empty\nruntime: { name: nodejs, options: { typescript: false } }\n",
  );
  writeFileSync(join(folder, "package.json"), '{ "main": "index.js" }\n');
  writeFileSync(join(folder, "index.js"), "");
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  execFileSync(toolchain.pulumi, ["stack", "init", "empty"], { cwd: folder, env: environment, stdio: "ignore" });
  const empty = (): number => seconds(toolchain.pulumi, [...upWords, "empty"], folder, environment);
  const standing = (): number => seconds(join(project, "bin/pulumi"), [...upWords, stack], project, process.env);
  execFileSync(toolchain.pulumi, [...upWords, "empty"], { cwd: folder, env: environment, stdio: "ignore" });
  const times = { empty: [] as number[], standing: [] as number[] };
  for (let round = 0; round < Number(rounds); round++) {
    times.empty.push(empty());
    times.standing.push(standing());
  }
  const [base, own] = [median(times.empty), median(times.standing)];
  console.log(`empty program: ${base.toFixed(2)} s`);
  console.log(`no-op up of ${stack}: ${own.toFixed(2)} s`);
  console.log(`ratio: ${(own / base).toFixed(2)} (aim: 2.50)`);
} finally {
  rmSync(folder, { recursive: true });
}
