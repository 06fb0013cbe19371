import { existsSync } from "node:fs";
import type { Pulumi } from "./backend.ts";
import type { Call } from "./call.ts";
import { forgetConfiguration, ownConfiguration } from "./configuration.ts";
import { stackFolder } from "./environment.ts";
import { withOptions } from "./invocation.ts";
import { run } from "./run.ts";
import { giveBack, makeStackFolder } from "./state.ts";

/**
 * Runs a command of pulumi that needs no more than the state of a stack on the user's own backend. One that writes into
 * the stack's file how secrets are kept has no option to name that file, so it runs in the stack's folder, beside the
 * copy of the spec.
 */
export async function runStackCommand(call: Call, { program, environment }: Pulumi): Promise<number> {
  const { state, stack, qualifiedStack, words, directory, invocation } = call;
  const { command, subcommand = "" } = invocation;
  const runs = (...all: readonly string[]) => run([program, ...all], { environment, directory });
  const has = (...options: readonly string[]) => words.some((word) => options.includes(word));
  const isMade = /^(?:init|new)$/.test(subcommand) || (subcommand === "select" && has("-c", "--create"));
  // Without a name pulumi asks for one.
  const writes = isMade ? invocation.stack !== undefined : subcommand === "change-secrets-provider";
  if (command !== "stack" || !writes) {
    const status = await runs(...words);
    if (command === "stack" && /^(?:rm|remove)$/.test(subcommand) && status === 0) {
      forgetConfiguration(state, stack);
    }
    return status;
  }
  const folder = stackFolder(state, stack);
  const wasThere = existsSync(folder);
  makeStackFolder(state, stack);
  ownConfiguration(call.spec, state, stack);
  const status = await runs(...withOptions(words, ["--cwd", folder]));
  if (status !== 0 && !wasThere) {
    await giveBack(state, stack);
  }
  if (status !== 0 || !isMade || has("--no-select")) {
    return status;
  }
  // So far it is the chosen one in that folder.
  const place = invocation.directory === undefined ? [] : ["--cwd", invocation.directory];
  return runs("stack", "select", qualifiedStack, ...place);
}
