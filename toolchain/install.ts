import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { markUsed } from "../sandbox/cache.ts";
import { exclusive } from "../sandbox/exclusive.ts";
import {
  type Artefact,
  artefacts,
  cacheDirectory,
  compareVersions,
  findGo,
  goBuild,
  goEnvironment,
  goIsMissing,
  goVersion,
  goVersionOf,
  onPath,
  pulumiVersion,
  sourceKey,
} from "./recipe.ts";

const run = promisify(execFile);
const here = import.meta.dirname;

/** Where a usable Pulumi is. */
export interface Toolchain {
  /** The Pulumi CLI, an absolute path. */
  readonly pulumi: string;
  /** Directories to put in front of PATH: where the language host is, unless PATH has it. */
  readonly path: readonly string[];
  /** Value of PULUMI_HOME: plugins, and the Terraform provider of libvirt. */
  readonly home: string;
  /** "path" for the user's own Pulumi, "release" for a downloaded one, "built" for one built from Go modules. */
  readonly source: "path" | "release" | "built";
}

/** How an installation is carried out; the defaults are what everyone but a test wants. */
export interface InstallOptions {
  /** Takes each line that tells of progress. Defaults to standard error. */
  readonly log?: (line: string) => void;
  /** Where Pulumi's releases are. Defaults to https://get.pulumi.com/releases/sdk. */
  readonly releases?: string;
  /** Where to look for Go besides PATH. Defaults to where go.dev's and Debian's packages put it. */
  readonly goPlaces?: readonly string[];
  /** What is done beforehand if anything has to be looked for, downloaded or built. Defaults to nothing. */
  readonly begin?: () => Promise<void>;
  /** Milliseconds that the release server has to answer. Defaults to 5000. */
  readonly patience?: number;
}

/** The toolchain that is installed, or undefined. Starts no process if Go has its VERSION file: takes milliseconds. */
export function installed(env: NodeJS.ProcessEnv, options: InstallOptions = {}): Toolchain | undefined {
  const root = join(cacheDirectory(env), "toolchain");
  for (const candidate of candidates(env)) {
    const record = readRecord(join(root, candidate.key));
    // One that nobody has looked at yet may be the one to take.
    if (!record) return undefined;
    if ("pulumi" in record) return record;
  }
  const key = sourceKey(here);
  const release = readRecord(join(root, releaseKey(key)));
  if (release && "pulumi" in release) return release;
  const go = findGo(env, options.goPlaces);
  const version = go && goVersionOf(go);
  const exact = version && readRecord(join(root, `${key}-${version}`));
  if (exact && "pulumi" in exact) return exact;
  const builds = version !== undefined && compareVersions(version, goVersion) >= 0;
  if (builds || !existsSync(root)) return undefined;
  // Go is gone, too old, or does not say its version: what another one made of the same sources is as good.
  return readdirSync(root)
    .filter((name) => name.startsWith(`${key}-`))
    .map((name) => readRecord(join(root, name)))
    .find((record): record is Toolchain => record !== undefined && "pulumi" in record);
}

/** The environment in which a toolchain's `pulumi` runs: `env` with PATH and PULUMI_HOME set, and no look for updates. */
export function toolchainEnvironment(found: Toolchain, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    ...env,
    PATH: [...found.path, env.PATH ?? ""].join(":"),
    PULUMI_HOME: found.home,
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
}

/**
 * Finds, downloads or builds Pulumi, its Node language host and the plugins of this project.
 *
 * The user's own `pulumi` is taken if it is new enough and has its language host, else the official release if it
 * can be had within seconds, else all is built from pinned Go modules. Calls at the same time wait for each other; a call
 * after one that was interrupted goes on where that one stopped.
 */
export async function installToolchain(env: NodeJS.ProcessEnv, options: InstallOptions = {}): Promise<Toolchain> {
  const before = installed(env, options);
  if (before) return before;
  await options.begin?.();
  const log = options.log ?? ((line) => process.stderr.write(`${line}\n`));
  const cache = cacheDirectory(env);
  const root = join(cache, "toolchain");
  mkdirSync(root, { recursive: true });
  const release = await lock(root, log);
  try {
    const meanwhile = installed(env, options);
    if (meanwhile) return meanwhile;
    for (const candidate of candidates(env)) {
      const found = await takeFromPath(candidate, env, join(root, candidate.key), cache, options, log);
      if (found) return found;
    }
    return (
      (await takeRelease(env, join(root, releaseKey(sourceKey(here))), cache, options, log)) ??
      (await takeBuilt(env, root, cache, options, log))
    );
  } finally {
    release();
  }
}

type Record_ = Toolchain | { readonly rejected: string };

// The sources count for a release too: plugins that it cannot download are built from them.
const releaseKey = (sources: string): string => `release-${pulumiVersion}-${sources}`;
const recordName = "toolchain.json";

function readRecord(directory: string): Record_ | undefined {
  try {
    const record: Record_ = JSON.parse(readFileSync(join(directory, recordName), "utf8"));
    return "pulumi" in record && !existsSync(record.pulumi) ? undefined : record;
  } catch {
    return undefined;
  }
}

function writeRecord<T extends Record_>(directory: string, record: T): T {
  mkdirSync(directory, { recursive: true });
  const temporary = join(directory, `.${recordName}.${process.pid}`);
  writeFileSync(temporary, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(temporary, join(directory, recordName));
  return record;
}

interface Candidate {
  readonly pulumi: string;
  readonly key: string;
}

// Every `pulumi` on PATH but this project's own: its launcher, and what it has installed. The key changes with the file,
// and with whether it has its language host.
function candidates(env: NodeJS.ProcessEnv): Candidate[] {
  const own = join(cacheDirectory(env), "toolchain", "/");
  return onPath("pulumi", env.PATH, [join(here, "..", "bin", "pulumi")])
    .filter((pulumi) => !realpathSync(pulumi).startsWith(own))
    .map((pulumi) => {
      const file = realpathSync(pulumi);
      const { size, mtimeMs } = statSync(file);
      const host = languageHost(pulumi, env) ?? "";
      const identity = JSON.stringify([file, size, mtimeMs, host, env.PULUMI_HOME ?? "", sourceKey(here)]);
      return { pulumi, key: `path-${createHash("sha256").update(identity).digest("hex").slice(0, 16)}` };
    });
}

function languageHost(pulumi: string, env: NodeJS.ProcessEnv): string | undefined {
  return onPath("pulumi-language-nodejs", `${dirname(realpathSync(pulumi))}:${env.PATH ?? ""}`)[0];
}

async function takeFromPath(
  candidate: Candidate,
  env: NodeJS.ProcessEnv,
  directory: string,
  cache: string,
  options: InstallOptions,
  log: (line: string) => void,
): Promise<Toolchain | undefined> {
  if (readRecord(directory)) return undefined;
  const why = await unfit(candidate.pulumi, env);
  if (why) {
    log(`toolchain: ${candidate.pulumi} is not used: ${why}.`);
    writeRecord(directory, { rejected: why });
    return undefined;
  }
  const home = env.PULUMI_HOME || join(env.HOME ?? homedir(), ".pulumi");
  // What is there already counts, even if nothing can be downloaded.
  const limit = (await answers(options)) ? downloadLimit : (options.patience ?? patience);
  const official = await officialPlugins(candidate.pulumi, { ...env, PULUMI_HOME: home }, limit, log);
  if (!official) await build(plugins, directory, env, cache, options, log);
  return writeRecord<Toolchain>(directory, {
    pulumi: candidate.pulumi,
    path: [],
    home: official ? home : join(directory, "home"),
    source: "path",
  });
}

/** Why a `pulumi` will not do, or undefined if it will. */
async function unfit(pulumi: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  let version: string;
  try {
    const { stdout } = await run(pulumi, ["version"], {
      env: { ...env, PULUMI_SKIP_UPDATE_CHECK: "true" },
      timeout: 20_000,
    });
    version = stdout.trim();
  } catch {
    return "`pulumi version` fails";
  }
  if (!/^v?\d+\.\d+\.\d+/.test(version)) return `it does not say its version (${JSON.stringify(version)})`;
  if (compareVersions(version, pulumiVersion) < 0) return `it is ${version}, and ${pulumiVersion} or newer is needed`;
  if (!languageHost(pulumi, env)) {
    return "it has no pulumi-language-nodejs, neither beside it nor on PATH";
  }
  return undefined;
}

const plugins = artefacts.filter((artefact) => artefact.target.startsWith("home/"));

/** Milliseconds that one plugin may take to be downloaded. */
const downloadLimit = 120_000;
/** Milliseconds that a server may take to answer. */
const patience = 5000;
const releases = "https://get.pulumi.com/releases/sdk";

async function answers(options: InstallOptions): Promise<boolean> {
  const signal = AbortSignal.timeout(options.patience ?? patience);
  return fetch(options.releases ?? releases, { method: "HEAD", signal }).then(
    () => true,
    () => false,
  );
}

// Asks Pulumi itself to download its plugins, and the bridge to load the libvirt provider, each within `timeout` ms.
async function officialPlugins(
  pulumi: string,
  env: NodeJS.ProcessEnv,
  timeout: number,
  log: (line: string) => void,
): Promise<boolean> {
  const quiet = { env: { ...env, PULUMI_SKIP_UPDATE_CHECK: "true" }, timeout, maxBuffer: 64 << 20 };
  try {
    log("toolchain: downloading the plugins command 1.2.1 and terraform-provider 1.0.0");
    await run(pulumi, ["plugin", "install", "resource", "command", "1.2.1"], quiet);
    await run(pulumi, ["plugin", "install", "resource", "terraform-provider", "1.0.0"], quiet);
    await run(pulumi, ["package", "get-schema", "terraform-provider", "dmacvicar/libvirt", "0.8.3"], quiet);
    return true;
  } catch {
    log("toolchain: they cannot be downloaded; they are built instead");
    return false;
  }
}

async function takeRelease(
  env: NodeJS.ProcessEnv,
  directory: string,
  cache: string,
  options: InstallOptions,
  log: (line: string) => void,
): Promise<Toolchain | undefined> {
  const arch = process.arch === "x64" ? "x64" : process.arch;
  const url = `${options.releases ?? releases}/pulumi-v${pulumiVersion}-linux-${arch}.tar.gz`;
  const unpacked = join(directory, "bin");
  const pulumi = join(unpacked, "pulumi");
  if (!existsSync(pulumi) && !(await download(url, unpacked, options.patience ?? patience, log))) {
    rmSync(directory, { recursive: true, force: true });
    return undefined;
  }
  const home = join(directory, "home");
  const official = await officialPlugins(pulumi, { ...env, PULUMI_HOME: home }, downloadLimit, log);
  if (!official) await build(plugins, directory, env, cache, options, log);
  return writeRecord<Toolchain>(directory, { pulumi, path: [unpacked], home, source: "release" });
}

// Unpacks an archive while it arrives. False if the server does not answer in time, or stops for that long.
async function download(url: string, to: string, limit: number, log: (line: string) => void): Promise<boolean> {
  const temporary = `${to}.${process.pid}`;
  const abort = new AbortController();
  let timer = setTimeout(() => abort.abort(), limit);
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(), limit);
  };
  try {
    const response = await fetch(url, { signal: abort.signal });
    if (!response.ok || !response.body) throw new Error(`answered ${response.status}`);
    log(`toolchain: downloading ${url}`);
    mkdirSync(temporary, { recursive: true });
    const tar = spawn("tar", ["-xz", "--strip-components=1", "-C", temporary], { stdio: ["pipe", "ignore", "ignore"] });
    const ended = new Promise<void>((resolve, reject) => {
      tar.on("error", reject);
      tar.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`tar ended with ${code}`))));
    });
    const body = Readable.fromWeb(response.body as import("node:stream/web").ReadableStream);
    body.on("data", alive);
    await Promise.all([pipeline(body, tar.stdin, { signal: abort.signal }), ended]);
    rmSync(to, { recursive: true, force: true });
    renameSync(temporary, to);
    return true;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    const reason = abort.signal.aborted ? "no answer in time" : cause;
    log(`toolchain: no release of Pulumi from ${new URL(url).host} (${reason}); it is built instead`);
    rmSync(temporary, { recursive: true, force: true });
    return false;
  } finally {
    clearTimeout(timer);
  }
}

async function takeBuilt(
  env: NodeJS.ProcessEnv,
  root: string,
  cache: string,
  options: InstallOptions,
  log: (line: string) => void,
): Promise<Toolchain> {
  const go = await usableGo(env, options);
  const directory = join(root, `${sourceKey(here)}-${go.version}`);
  await build(artefacts, directory, env, cache, options, log);
  return writeRecord<Toolchain>(directory, {
    pulumi: join(directory, "bin", "pulumi"),
    path: [join(directory, "bin")],
    home: join(directory, "home"),
    source: "built",
  });
}

/** Go that is new enough, or an error that says what to install. */
export async function usableGo(
  env: NodeJS.ProcessEnv,
  options: InstallOptions = {},
): Promise<{ readonly go: string; readonly version: string }> {
  const go = findGo(env, options.goPlaces);
  let version = go && goVersionOf(go);
  if (go && !version) {
    version = await run(go, ["env", "GOVERSION"], { env: { ...env, GOTOOLCHAIN: "local" } }).then(
      ({ stdout }) => stdout.trim(),
      () => undefined,
    );
  }
  if (!go || !version || compareVersions(version, goVersion) < 0) throw new Error(goIsMissing(go, version));
  return { go, version };
}

async function build(
  wanted: readonly Artefact[],
  directory: string,
  env: NodeJS.ProcessEnv,
  cache: string,
  options: InstallOptions,
  log: (line: string) => void,
): Promise<void> {
  const { go } = await usableGo(env, options);
  for (const folder of [directory, join(cache, "go/build"), join(cache, "go/mod")]) markUsed(folder);
  for (const [index, artefact] of wanted.entries()) {
    const target = join(directory, artefact.target);
    if (existsSync(target)) continue;
    const step = `toolchain [${index + 1}/${wanted.length}] ${artefact.name}`;
    mkdirSync(dirname(target), { recursive: true });
    for (const leftover of readdirSync(dirname(target)).filter((name) => name.startsWith(".build-"))) {
      rmSync(join(dirname(target), leftover), { force: true });
    }
    const temporary = join(dirname(target), `.build-${process.pid}`);
    const started = Date.now();
    const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
    log(`${step}: building from Go modules`);
    await goRun(go, goBuild(artefact, temporary), join(here, artefact.module), goEnvironment(env, cache), (state) =>
      log(`${step}: ${seconds()}, ${state}`),
    ).catch((error: Error) => {
      throw new Error(`cannot build ${artefact.name}: ${error.message}`);
    });
    renameSync(temporary, target);
    log(`${step}: done in ${seconds()}`);
  }
}

// Runs go, and tells every 15 s how far it is. It ends with this process, however that ends.
function goRun(
  go: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  tell: (state: string) => void,
): Promise<void> {
  const words = ["--pdeathsig", "TERM", go, ...args];
  const child = spawn("setpriv", words, { cwd, env, stdio: ["ignore", "ignore", "pipe"] });
  let compiled = 0;
  let state = "starting";
  const errors: string[] = [];
  let rest = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith("go: downloading ")) state = `downloading ${line.slice(16)}`;
      else if (/^[^\s:]+$/.test(line)) state = `${++compiled} packages compiled, last ${line}`;
      else if (line.trim() && !line.startsWith("# ")) errors.push(line.trim());
    }
  });
  const timer = setInterval(() => tell(state), 15_000);
  return new Promise<void>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(errors.slice(0, 3).join("; ") || `go ended with ${signal ?? code}`));
    });
  }).finally(() => clearInterval(timer));
}

/** Milliseconds that another installation may take, on a slow machine. */
const installationLimit = 3_600_000;

async function lock(directory: string, log: (line: string) => void): Promise<() => void> {
  const notice = setTimeout(() => log(`toolchain: waiting for another installation in ${directory}`), 1000);
  try {
    return await exclusive("the toolchain", directory, installationLimit, "another installation");
  } finally {
    clearTimeout(notice);
  }
}

if (import.meta.main) {
  try {
    const found = await installToolchain(process.env);
    const kind = { path: "your own", release: "the official release", built: "built from Go modules" }[found.source];
    console.log(`pulumi: ${found.pulumi} (${kind})\nPULUMI_HOME: ${found.home}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
