import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { UserError } from "../sandbox/report.ts";
import { type Toolchain, toolchainEnvironment } from "../toolchain/install.ts";
import type { Deployment } from "./repair/deployment.ts";

/** The real pulumi, and where and in what environment it runs. */
export interface Pulumi {
  /** Absolute path of the program. */
  readonly program: string;
  /** Absolute path of a folder with a project file. */
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
}

/** Where pulumi and its plugins talk to each other. */
const ownHosts = "127.0.0.1,localhost";

/**
 * The environment of pulumi and its plugins. They run for seconds, and a heap of twice what is in use is soon full. Of a
 * command that somebody is to type, pulumi would print the half, if it is a long one. And gRPC for Node has a proxy of the
 * user's between two processes of one machine, unless it is told. Source: the environment variables of @grpc/grpc-js.
 * Away from a terminal it would say "@ updating...." between any two lines.
 */
export function pulumiEnvironment(toolchain: Toolchain): NodeJS.ProcessEnv {
  const { no_grpc_proxy: others, ...environment } = toolchainEnvironment(toolchain, process.env);
  return {
    GOGC: "400",
    PULUMI_OPTION_SHOW_FULL_OUTPUT: "true",
    ...(process.stdout.isTTY ? {} : { PULUMI_OPTION_SUPPRESS_PROGRESS: "true" }),
    ...environment,
    no_grpc_proxy: [ownHosts, others || environment.no_proxy].filter(Boolean).join(","),
  };
}

/**
 * Where the user's login is, for pulumi: in the user's home, and not in the cache, which is safe to delete.
 *
 * @param isNew whether the user is about to log in. One from before that was kept beside the toolchain stays good.
 */
export function login(isNew = false): NodeJS.ProcessEnv {
  const folder = process.env.PULUMI_CREDENTIALS_PATH || process.env.PULUMI_HOME || join(homedir(), ".pulumi");
  return isNew || existsSync(folder) ? { PULUMI_CREDENTIALS_PATH: folder } : {};
}

/** Runs pulumi for its answer, which is undefined if it fails. */
export function ask(pulumi: Pulumi, words: readonly string[], input = ""): string | undefined {
  const { status, stdout } = call(pulumi, words, input);
  return status === 0 ? stdout : undefined;
}

/** Runs pulumi. @throws UserError with its own words if it fails */
export function order(pulumi: Pulumi, words: readonly string[], input = ""): void {
  const { status, stderr } = call(pulumi, words, input);
  if (status !== 0) {
    const said = /^error: (.*)$/m.exec(stderr)?.[1] ?? stderr.trim().split("\n").at(-1);
    throw new UserError(`cannot do pulumi ${words.join(" ")}: ${said || `exit status ${status}`}`);
  }
}

function call({ program, directory, environment }: Pulumi, words: readonly string[], input: string) {
  const result = spawnSync(program, ["--non-interactive", "--color", "never", ...words], {
    cwd: directory,
    env: { ...environment, PWD: directory },
    input,
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  return { ...result, stderr: result.error?.message ?? result.stderr };
}

/**
 * The URL of a backend: the one that is asked for, or the one that the user logged in to. Empty if there is none.
 *
 * @param credentials absolute path of the folder with the user's login
 */
export function backendUrl(asked: string | undefined, credentials: string): string {
  return asked || loggedInTo(credentials);
}

/**
 * The folder in which a file backend keeps its files, undefined for any other backend.
 *
 * @param url such as `file:///srv/stacks` or `file://~`
 * @param home absolute path of the user's home directory
 */
export function backendFolder(url: string, home: string): string | undefined {
  const [, path] = /^file:\/\/([^?]*)/.exec(url) ?? [];
  if (path === undefined || !/^[~/]/.test(path)) {
    return undefined;
  }
  return path.startsWith("~") ? join(home, path.slice(1)) : path;
}

function loggedInTo(credentials: string): string {
  try {
    return JSON.parse(readFileSync(join(credentials, "credentials.json"), "utf8")).current ?? "";
  } catch {
    return "";
  }
}

/** The folder with the state of each stack, `NAME.json`, in a file backend. */
export function checkpoints(backend: string): string {
  return join(backend, ".pulumi/stacks/duet");
}

/**
 * Removes the attributes beside a stack's state if a pulumi that was killed has half written them: it reads a state
 * that has none, and fails if it finds half of them. A backend of the user's own has them, and one that an earlier
 * version of the launcher has made. Source: gocloud.dev's fileblob, which writes a file whole, and not these.
 */
export function removeHalfAttributes(backend: string, stack: string): void {
  for (const file of [`${stack}.json.attrs`, `${stack}.json.bak.attrs`]) {
    const path = join(checkpoints(backend), file);
    try {
      JSON.parse(readFileSync(path, "utf8"));
    } catch {
      rmSync(path, { force: true });
    }
  }
}

/** The state of a stack in a file backend, without asking pulumi. Undefined if there is no such stack. */
export function readCheckpoint(backend: string, stack: string): Deployment | undefined {
  const file = join(checkpoints(backend), `${stack}.json`);
  if (!existsSync(file)) {
    return undefined;
  }
  try {
    return JSON.parse(readFileSync(file, "utf8")).checkpoint?.latest ?? {};
  } catch (error) {
    throw new UserError(`the state of stack ${stack} cannot be read: ${file}: ${String(error)}; ${file}.bak is older`);
  }
}
