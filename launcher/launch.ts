import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { entryPoint, UserError } from "../sandbox/report.ts";
import { installed, installToolchain, type Toolchain, toolchainEnvironment } from "../toolchain/install.ts";
import { checkpoints, login } from "./backend.ts";
import type { Call } from "./call.ts";
import { runOn } from "./converge.ts";
import { folders } from "./environment.ts";
import { type Ground, groundOf } from "./ground.ts";
import { bareName, parseInvocation } from "./invocation.ts";
import { defaultStack, project, projectOf, selectedStack, specFile } from "./project.ts";
import { run } from "./run.ts";
import type { StackHost } from "./stack-host.ts";
import { backendOf } from "./state.ts";

/** What pulumi's own help does not know of. */
const ownHelp = `
This project's own command:
    doctor              Look at this host before the first up: pulumi doctor [--stack NAME]
`;

/** Set while a `pulumi` that was found on PATH is asked what it is: another checkout's launcher does not answer. */
const askingVariable = "DUET_ASKING";

async function toolchain(begin?: () => Promise<void>): Promise<Toolchain> {
  try {
    return await installToolchain({ ...process.env, [askingVariable]: "1" }, begin && { begin });
  } catch (error) {
    throw new UserError(error instanceof Error ? error.message : String(error));
  }
}

/** Whether a command makes what the spec asks for, or says what that would be. */
const heedsSpec = (command = ""): boolean => /^(?:up|preview)$/.test(command);

/** Where a stack is, or will be: without its spec it can still be destroyed. */
function ground(stack: string, spec: string, state: string, command = ""): Ground {
  const name = relative(process.cwd(), spec);
  if (existsSync(spec)) {
    return groundOf(readFileSync(spec, "utf8"), name);
  }
  if (!heedsSpec(command) && existsSync(join(checkpoints(backendOf(state)), `${stack}.json`))) {
    return { ...groundOf("", ""), sandbox: true };
  }
  throw new UserError(
    `cannot find the spec of stack ${stack}: there is no ${name}; write it, or choose one of stacks/`,
  );
}

// Of two kinds of hosts one is loaded.
async function onEmbedded(call: Call): Promise<StackHost> {
  const { embeddedHost } = await import("./embedded.ts");
  return embeddedHost(call);
}

async function onWorkstation(call: Call, uri: string): Promise<StackHost> {
  const { workstation } = await import("./workstation.ts");
  return workstation(call, uri);
}

await entryPoint("duet", async () => {
  if (process.env[askingVariable] !== undefined) {
    throw new UserError("cannot find pulumi: this is the launcher of a Duet project; put pulumi itself on PATH");
  }
  const words = process.argv.slice(2);
  const invocation = parseInvocation(words);
  const here = process.cwd();
  const there = resolve(here, invocation.directory ?? ".");
  const found = existsSync(there) ? projectOf(realpathSync(there)) : undefined;
  // From outside of any project this one is meant.
  const isOurs = found === project || (found === undefined && invocation.directory === undefined);
  const directory = found === undefined && isOurs ? project : here;
  const { cache, state } = folders(process.env);
  const isDoctor = invocation.command === "doctor";
  if ((invocation.help && !isDoctor) || !isOurs) {
    const tools = await toolchain();
    const environment = { ...toolchainEnvironment(tools, process.env), ...login(invocation.command === "login") };
    process.exitCode = await run([tools.pulumi, ...words], { environment, directory });
    if (isOurs && words.every((word) => /^(?:-h|--help|help)$/.test(word))) {
      process.stdout.write(ownHelp);
    }
    return;
  }
  const selected = () => selectedStack(installed(process.env)?.home ?? "");
  const qualifiedStack = invocation.stack ?? (process.env.PULUMI_STACK || selected() || defaultStack);
  const stack = bareName(qualifiedStack);
  const spec = invocation.configFile === undefined ? specFile(stack) : resolve(directory, invocation.configFile);
  if (isDoctor) {
    const { doctor } = await import("../doctor/doctor.ts");
    process.exitCode = doctor(spec, cache);
    return;
  }
  const { sandbox, uri, sources, guests } = ground(stack, spec, state, invocation.command);
  if (!sandbox) {
    const { runAsPerson } = await import("./person.ts");
    const ended = await runAsPerson(process.argv.slice(1));
    if (ended !== undefined) {
      process.exitCode = ended;
      return;
    }
  }
  const check = async () => {
    if (heedsSpec(invocation.command)) (await import("./read-spec.ts")).readSpec(spec);
  };
  const call: Call = {
    words,
    invocation,
    stack,
    qualifiedStack,
    spec,
    directory,
    sources,
    guests,
    cache,
    state,
    check,
    toolchain: () => toolchain(check),
  };
  process.exitCode = await runOn(sandbox ? await onEmbedded(call) : await onWorkstation(call, uri), call);
});
