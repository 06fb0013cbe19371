import { spawn } from "node:child_process";
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Boot, type GuestAccess, type Shell, sh } from "../../components/index.ts";
import { folders, stackFolder } from "../../launcher/environment.ts";
import { backendOf } from "../../launcher/state.ts";
import { type SandboxPaths, sandboxPathsFrom } from "../../sandbox/paths.ts";
import { type SandboxProcess, sandboxProcesses, until } from "../../sandbox/processes.ts";
import { changes, isUnchanged, problem } from "./pulumi-output.ts";

const project = join(import.meta.dirname, "../..");

/** The directory that hosts and guests share under test. One for all tests: a kernel that was built is not built again. */
export const shared = "/srv/duet-e2e";
/** The account that is the same on both sides. It has no entry on the host, and needs none. */
export const developer = { user: "dev", uid: 1234 };
/** What its kernel is configured from: as small as it can be, since it is built here. */
export const kernel = { base: "tiny", localmodconfig: false, fragments: ["stacks/kernel-sandbox.config"] };

/** Where the sources of a stack under test come from. */
export const sources = {
  directory: shared,
  kernel: { package: "linux-source-6.1" },
  module: { copy: "samples/module" },
  tools: { copy: "samples/tools" },
};

/** Keys of a spec in the place of those that a stack under test has: `{ "duet:vms": [] }`. */
export type SpecChange = Readonly<Record<`duet:${string}`, unknown>>;

/** The embedded default, with a developer and a directory of its own. Source: JSON is YAML. */
function specOf(change: SpecChange): string {
  const config = {
    "duet:host": { sandbox: true, nfsServer: "ganesha" },
    "duet:developer": { ...developer, gid: developer.uid },
    "duet:sources": sources,
    "duet:image": { build: "debian-12" },
    "duet:kernel": kernel,
    ...change,
  };
  return `${JSON.stringify({ config }, undefined, 2)}\n`;
}

/** What became of a pulumi command. */
export interface PulumiRun {
  /** The exit code; undefined if the launcher itself was killed. */
  readonly code: number | undefined;
  /** Both of its outputs, as they came. */
  readonly output: string;
  readonly seconds: number;
}

/** Commands of pulumi that tests give, none of which asks anything. */
const commands = {
  up: ["up", "--yes", "--skip-preview", "--non-interactive", "--color", "never"],
  preview: ["preview", "--non-interactive", "--color", "never"],
  destroy: ["destroy", "--yes", "--skip-preview", "--non-interactive", "--color", "never"],
} as const;

export type Command = keyof typeof commands;

export interface TestStackArgs {
  readonly name: string;
  /** The guests, as in `duet:vms`. */
  readonly vms: readonly {
    readonly name: string;
    readonly memory: number;
    readonly vcpus?: number;
    readonly gdbPort?: number;
    readonly boot?: Boot;
  }[];
  /** What its spec has besides, or in the place of what a stack under test has. Defaults to nothing. */
  readonly spec?: SpecChange;
  /** Such as process.env; XDG_STATE_HOME is a folder of the test's own. */
  readonly environment: NodeJS.ProcessEnv;
  /** What whoever calls pulumi has in the environment beside that. Defaults to nothing. */
  readonly hostile?: NodeJS.ProcessEnv;
  /** Absolute path of a file that gets all that pulumi prints. Defaults to none. */
  readonly log?: string;
  /** Minutes after which a pulumi command is ended. Defaults to 60, for a first `up` with nothing in the caches. */
  readonly limit?: number;
}

/** How to work with a guest whose stub listens on a port, as they do under test. */
export type Guest = Required<GuestAccess>;

/** How the web console is opened. */
export interface ConsoleAccess {
  readonly address: string;
  readonly user: string;
  readonly password: string;
}

/** What has pulumi print the secrets among the outputs. */
const showSecrets = "--show-secrets";

/** A stack under test: it, its embedded host and its guests, as their user reaches them. */
export class TestStack {
  readonly name: string;
  /** Names of the guests, the first of which builds. */
  readonly guestNames: readonly string[];
  readonly paths: SandboxPaths;
  /** The stack's folder in the state, and the folder of leases. */
  readonly folder: string;
  readonly leases: string;
  /** The folder of Pulumi's state. */
  readonly backend: string;
  /** The cache, which is the user's, and not of the test alone. */
  readonly cache: string;
  readonly build = `${shared}/build/duet-kernel`;
  /** What whoever calls its commands has in the environment. */
  readonly environment: NodeJS.ProcessEnv;
  /** The stack's output after the last `up`. */
  guests: readonly Guest[] = [];
  /** Likewise, with its password. */
  webConsole: ConsoleAccess | undefined;
  readonly #args: TestStackArgs;
  readonly #specFile: string;

  /** @throws if the embedded host would be that of the developer, which no test may touch. */
  constructor(args: TestStackArgs) {
    this.#args = args;
    this.name = args.name;
    this.environment = args.environment;
    this.guestNames = args.vms.map(({ name }) => name);
    this.paths = sandboxPathsFrom(args.environment);
    if (this.paths.namespace === "duet") {
      throw new Error(
        "a stack under test was asked for in the developer's own state: set XDG_STATE_HOME to a folder of its own",
      );
    }
    const { state, cache } = folders(args.environment);
    this.folder = stackFolder(state, args.name);
    this.leases = join(state, "leases");
    this.backend = backendOf(state);
    this.cache = cache;
    this.#specFile = join(project, `stacks/Pulumi.${args.name}.yaml`);
  }

  /** Another stack, of the same embedded host. */
  beside(name: string, vms: TestStackArgs["vms"]): TestStack {
    return new TestStack({ ...this.#args, name, vms });
  }

  /** @param change what is asked for in the place of what the stack has. Defaults to nothing. */
  writeSpec(change: SpecChange = {}): void {
    writeFileSync(this.#specFile, specOf({ "duet:vms": this.#args.vms, ...this.#args.spec, ...change }));
  }

  removeSpec(): void {
    rmSync(this.#specFile, { force: true });
  }

  /** The guest of that name in the stack's output. */
  access(name: string): Guest {
    const found = this.guests.find((guest) => guest.name === name);
    if (found === undefined) {
      throw new Error(`the stack's output has no guest ${name}`);
    }
    return found;
  }

  /** Runs a command of pulumi to its end, whatever that is. */
  attempt(command: Command): Promise<PulumiRun> {
    return this.#pulumi(commands[command]);
  }

  /** Runs it. @throws with what pulumi says of it, if it fails. */
  async run(command: Command): Promise<PulumiRun> {
    const run = await this.attempt(command);
    if (run.code !== 0) {
      throw new Error(`${command} failed after ${run.seconds.toFixed()} s: ${problem(run.output)}`);
    }
    if (command === "up") {
      const outputs = JSON.parse((await this.#pulumi(["stack", "output", "--json", showSecrets])).stdout);
      this.guests = outputs.vms;
      this.webConsole = outputs.webConsole;
    }
    return run;
  }

  /** Runs an `up` that is to change nothing. @throws with what it changed. */
  async stays(): Promise<PulumiRun> {
    const run = await this.run("up");
    if (!isUnchanged(run.output)) {
      const [summary = "no summary"] = /^Resources:\n(?: {4}.*\n)+/m.exec(run.output) ?? [];
      const done = changes(run.output).map(({ name, operation }) => `${name} ${operation}`);
      const why = run.output.match(/^ {4}\S.*(?:has drifted|does not answer).*$/gm) ?? [];
      const what = [summary.trim().replaceAll(/\s*\n\s*/g, ", "), ...done, ...why.map((line) => line.trim())];
      throw new Error(`another up was to change nothing: ${what.join("; ")}`);
    }
    return run;
  }

  /** Runs bash on this machine. @param limit seconds. @returns what it printed, trimmed. */
  host(script: Shell, limit = 120): Promise<string> {
    return bash(script, "on the host", limit, this.environment);
  }

  /** Runs bash in the network of the embedded host. */
  inside(script: Shell, limit = 120): Promise<string> {
    return this.host(sh`ip netns exec ${this.paths.namespace} bash -c ${script.shell}`, limit);
  }

  /** Runs bash in a guest, as root, through the printed ssh command. */
  guest(name: string, script: Shell, limit = 120): Promise<string> {
    const ssh: Shell = { shell: this.access(name).sshCommand };
    return bash(sh`${ssh} ${`set -e\n${script.shell}`} </dev/null`, `in guest ${name}`, limit, this.environment);
  }

  /** The same through a connection of its own: for a guest that may be on its way down or up. */
  guestAnew(name: string, script: Shell, limit = 15): Promise<string> {
    const config = join(this.folder, name, "ssh_config");
    const ssh = sh`ssh -F ${config} -o ControlPath=none -o ConnectTimeout=5 ${name}`;
    return this.inside(sh`${ssh} ${script.shell} </dev/null`, limit);
  }

  /** Waits until bash in a guest succeeds and prints the text, or anything. @throws if it does not in time. */
  async awaitGuest(name: string, what: string, script: Shell, limit: number, text?: string): Promise<string> {
    let printed: string | undefined;
    const came = await until(limit * 1000, async () => {
      printed = await this.guestAnew(name, script).catch(() => undefined);
      return printed !== undefined && (text === undefined || printed === text);
    });
    if (!came) {
      throw new Error(`guest ${name} was to ${what}, and did not within ${limit} s`);
    }
    return printed ?? "";
  }

  virsh(...words: readonly string[]): Promise<string> {
    return this.host(sh`virsh -q -c ${this.paths.uri} ${words}`);
  }

  /** All processes of the embedded host and in its network. */
  processes(): readonly SandboxProcess[] {
    return sandboxProcesses(`/run/netns/${this.paths.namespace}`, this.paths.mark);
  }

  #pulumi(words: readonly string[]): Promise<PulumiRun & { readonly stdout: string }> {
    const begin = performance.now();
    const child = spawn(join(project, "bin/pulumi"), [...words, "--stack", this.name], {
      cwd: project,
      env: { ...this.environment, ...this.#args.hostile },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let stdout = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        stdout += stream === child.stdout ? text : "";
        if (this.#args.log !== undefined && !words.includes(showSecrets)) {
          appendFileSync(this.#args.log, text);
        }
      });
    }
    const limit = setTimeout(() => this.#endPulumi(), (this.#args.limit ?? 60) * 60_000);
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", async (code) => {
        clearTimeout(limit);
        // What was killed may leave a child that holds the pipes open: they are not waited for.
        await until(500, () => child.stdout.closed && child.stderr.closed);
        child.stdout.destroy();
        child.stderr.destroy();
        resolve({ code: code ?? undefined, output, stdout, seconds: (performance.now() - begin) / 1000 });
      });
    });
  }

  /** Ends the pulumi that runs in this embedded host, and with it the launcher. */
  #endPulumi(): void {
    for (const { pid } of this.processes().filter(({ name }) => name === "pulumi")) {
      process.kill(pid, "SIGKILL");
    }
  }
}

/** Runs bash with a limit of time. @throws with the last line that it wrote to standard error. */
function bash(script: Shell, where: string, limit: number, environment: NodeJS.ProcessEnv): Promise<string> {
  // timeout(1) ends the whole of its process group, which a signal to bash alone would not.
  const words = ["-k", "5", String(limit), "bash", "-c", `set -euo pipefail\n${script.shell}`];
  const child = spawn("timeout", words, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      said[name] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) {
        resolve(said.stdout.trim());
        return;
      }
      const why = code === 124 ? `did not end within ${limit} s` : (said.stderr.trim().split("\n").at(-1) ?? "");
      const short = script.shell.length > 200 ? `${script.shell.slice(0, 200)}…` : script.shell;
      reject(new Error(`${where}: ${why || `ended with status ${code}`}: ${short.replaceAll("\n", "; ")}`));
    });
  });
}
