import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { inside, start, stop } from "../sandbox/host.ts";
import { installPackages } from "../sandbox/packages.ts";
import { sandboxPathsFrom } from "../sandbox/paths.ts";
import { entryPoint, reportTo, UserError } from "../sandbox/report.ts";
import { installToolchain, toolchainEnvironment } from "../toolchain/install.ts";
import { folders, stackFolder } from "./environment.ts";

/** Commands that read the spec of a stack and run the program. */
const convergingCommands = new Set(["up", "update", "preview", "pre", "refresh", "destroy", "down"]);

/** What the launcher has to know of a pulumi command line; all of it is handed on untouched. */
export interface Invocation {
  readonly command: string | undefined;
  readonly stack: string | undefined;
}

/** Finds the command and the stack in the arguments of pulumi. */
export function parseInvocation(words: readonly string[]): Invocation {
  const isOption = (word: string | undefined): boolean => word === "--stack" || word === "-s";
  const at = words.findIndex(isOption);
  const joined = words.find((word) => word.startsWith("--stack="));
  return {
    command: words.find((word, index) => !word.startsWith("-") && !isOption(words[index - 1])),
    stack: at >= 0 ? words[at + 1] : joined?.slice("--stack=".length),
  };
}

/** The stack that `pulumi stack select` chose in this project, from Pulumi's own workspace files. */
function selectedStack(home: string): string | undefined {
  const folder = join(home, "workspaces");
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith("duet-")) : [];
  return files
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")).stack as string | undefined)
    .find(Boolean);
}

function wantsSandbox(stack: string): boolean {
  const file = `stacks/Pulumi.${stack}.yaml`;
  if (!existsSync(file)) {
    throw new UserError(
      `stack ${stack} was asked for, and there is no ${file}: write its spec, or choose one of stacks/`,
    );
  }
  return parse(readFileSync(file, "utf8"))?.config?.["duet:host"]?.sandbox === true;
}

function run(command: readonly string[], environment: NodeJS.ProcessEnv, quiet = false): number {
  const [program, ...words] = command as [string, ...string[]];
  const result = spawnSync(program, words, {
    stdio: quiet ? ["ignore", "ignore", "inherit"] : "inherit",
    env: environment,
  });
  return result.status ?? 128 + (result.signal ? constants.signals[result.signal] : 0);
}

/**
 * Gives a stack of the embedded host its own copy of the spec, which holds the salt of the stack's secrets: Pulumi
 * would write that salt into stacks/, and a checkout would never be clean again.
 */
function stackConfiguration(stack: string, folder: string, pulumi: string, environment: NodeJS.ProcessEnv): string {
  const own = join(folder, `Pulumi.${stack}.yaml`);
  const saltOf = (file: string): string | undefined =>
    existsSync(file) ? readFileSync(file, "utf8").match(/^encryptionsalt:.*$/m)?.[0] : undefined;
  let salt = saltOf(own);
  if (salt === undefined) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, "Pulumi.yaml"), "name: duet\nruntime: nodejs\n");
    run([pulumi, "-C", folder, "stack", "init", stack, "--no-select", "--non-interactive"], environment, true);
    salt = saltOf(own);
  }
  writeFileSync(own, `${readFileSync(`stacks/Pulumi.${stack}.yaml`, "utf8").trimEnd()}\n${salt ?? ""}\n`, {
    mode: 0o600,
  });
  return own;
}

function passphraseFile(state: string): string {
  const file = join(state, "passphrase");
  if (!existsSync(file)) {
    writeFileSync(file, randomBytes(32).toString("hex"), { mode: 0o600 });
  }
  return file;
}

/** After the last stack is gone, the embedded host goes too, and with it all state. */
async function giveBack(state: string, stack: string, pulumi: string, environment: NodeJS.ProcessEnv): Promise<void> {
  const folder = stackFolder(state, stack);
  run([pulumi, "-C", folder, "stack", "rm", "--yes", "--stack", stack], environment, true);
  rmSync(folder, { recursive: true, force: true });
  if (readdirSync(join(state, "stacks")).length === 0) {
    await stop(sandboxPathsFrom(process.env), reportTo("sandbox"));
    rmSync(state, { recursive: true, force: true });
  }
}

await entryPoint("duet", async () => {
  const words = process.argv.slice(2);
  const { cache, state } = folders(process.env);
  const { command, stack: asked } = parseInvocation(words);
  const toolchain = await installToolchain(process.env);
  const stack = asked ?? process.env.PULUMI_STACK ?? selectedStack(toolchain.home) ?? "sandbox";
  const withToolchain = toolchainEnvironment(toolchain, process.env);
  if (command === undefined || !wantsSandbox(stack)) {
    process.exitCode = run([toolchain.pulumi, ...words], withToolchain);
    return;
  }
  if (process.getuid?.() !== 0) {
    throw new UserError("the embedded host makes network namespaces: run this as root or through sudo");
  }
  mkdirSync(join(state, "pulumi"), { recursive: true, mode: 0o700 });
  const environment: NodeJS.ProcessEnv = {
    ...withToolchain,
    PULUMI_BACKEND_URL: `file://${join(state, "pulumi")}`,
    PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile(state),
    // The program is TypeScript that Node itself strips: its compiled form is worth keeping.
    NODE_COMPILE_CACHE: join(cache, "node"),
    LIBVIRT_DEFAULT_URI: undefined,
  };
  if (!convergingCommands.has(command)) {
    process.exitCode = run([toolchain.pulumi, ...words], environment);
    return;
  }
  await installPackages(reportTo("packages"));
  const paths = sandboxPathsFrom(process.env);
  await start(paths, reportTo("sandbox"));
  const folder = stackFolder(state, stack);
  const configuration = stackConfiguration(stack, folder, toolchain.pulumi, environment);
  const extra = [...(asked === undefined ? ["--stack", stack] : []), "--config-file", configuration];
  process.exitCode = run(inside(paths, [toolchain.pulumi, ...words, ...extra]), environment);
  const isDestroy = command === "destroy" || command === "down";
  const isPartial = words.some((word) => /^(?:-t|--target.*|--preview-only|--exclude.*|--help|-h)$/.test(word));
  if (isDestroy && process.exitCode === 0 && !isPartial) {
    await giveBack(state, stack, toolchain.pulumi, environment);
  }
});
