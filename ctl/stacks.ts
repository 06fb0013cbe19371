import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkpoints } from "../launcher/backend.ts";
import { folders } from "../launcher/environment.ts";
import { defaultStack, selectedStack, specFile } from "../launcher/project.ts";
import { backendOf } from "../launcher/state.ts";
import { installed } from "../toolchain/install.ts";
import { chooseStack } from "./choose.ts";
import { CtlError, exitCodes } from "./exit.ts";

/** Names of the stacks of this user that stand, or have begun to. */
export function standingStacks(environment: NodeJS.ProcessEnv): readonly string[] {
  const { state } = folders(environment);
  const made = list(join(state, "stacks"));
  const kept = list(checkpoints(backendOf(state))).filter((name) => name.endsWith(".json"));
  return [...new Set([...made, ...kept.map((name) => name.slice(0, -".json".length))])].sort();
}

/** Names of the stacks for which this project has a spec. */
export function specifiedStacks(): readonly string[] {
  return list(dirname(specFile("any"))).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);
}

/** The stack that is meant, or undefined if none is named and none stands: then the launcher has one of its own choice. */
function meantStack(named: string | undefined, environment: NodeJS.ProcessEnv): string | undefined {
  const selected = () => environment.PULUMI_STACK || selectedStack(installed(environment)?.home ?? "");
  return chooseStack(named, named === undefined ? selected() : undefined, standingStacks(environment));
}

/** The option of pulumi's that names the stack which is meant; none if that is for the launcher to choose. */
export function onStack(named: string | undefined, environment: NodeJS.ProcessEnv): readonly string[] {
  const stack = meantStack(named, environment);
  return stack === undefined ? [] : ["--stack", stack];
}

/** The stack that is meant by a verb that needs one which stands. @throws CtlError if there is none */
export function neededStack(named: string | undefined, environment: NodeJS.ProcessEnv): string {
  const stack = meantStack(named, environment);
  if (stack === undefined) {
    throw new CtlError(exitCodes.noStack, "no stack stands; do duetctl up, and name its spec with --stack NAME");
  }
  return stack;
}

/** Absolute path of the spec of the stack that is meant; without any, that which the launcher would take. */
export function meantSpec(named: string | undefined, environment: NodeJS.ProcessEnv): string {
  return specFile(meantStack(named, environment) ?? defaultStack);
}

function list(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
