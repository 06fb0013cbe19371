import { existsSync } from "node:fs";
import { exclusive } from "../sandbox/exclusive.ts";
import { requireRoot } from "../sandbox/host.ts";
import { mendAttributes } from "./backend.ts";
import type { Call } from "./call.ts";
import { converge } from "./converge.ts";
import { stands } from "./deployment.ts";
import { checkpoint, end, pulumiOf, withState } from "./embedded-state.ts";
import { stackFolder } from "./environment.ts";
import { run } from "./run.ts";
import { backendOf, makeBackend, makeStackFolder, stackConfiguration } from "./state.ts";

/** Runs pulumi for a stack on the embedded host, and gives its exit status. */
export async function runEmbedded(call: Call): Promise<number> {
  requireRoot("use the embedded host, which makes network namespaces,");
  const { effect } = call.invocation;
  mendAttributes(backendOf(call.state), call.stack);
  if (effect === "none") {
    return onState(call);
  }
  if (effect === "preview") {
    return preview(call);
  }
  const release = await holdStack(call);
  try {
    return await converge(call);
  } finally {
    release();
  }
}

/** A command that needs no more than the state. */
async function onState(call: Call): Promise<number> {
  const { state, stack, directory } = call;
  const { command, subcommand = "" } = call.invocation;
  const wasThere = existsSync(state);
  const isChosen = command === "stack" && /^(?:select|init|new)$/.test(subcommand);
  const pulumi = await pulumiOf(call);
  await withState(call, () => {
    makeBackend(state);
    if (isChosen) {
      makeStackFolder(state, stack);
      stackConfiguration(call.spec, state, stack, pulumi);
    }
  });
  // `init` would write the salt of the stack's secrets into the spec.
  const words = isChosen ? ["stack", "select", stack] : call.words;
  const result = await run([pulumi.program, ...words], { environment: pulumi.environment, directory });
  const isRemoved = command === "stack" && /^(?:rm|remove)$/.test(subcommand) && result === 0;
  if (isRemoved || (!wasThere && !isChosen)) {
    await endUnlessBusy(call);
  }
  return result;
}

/** A preview of a stack that is not there yet leaves nothing of it. */
async function preview(call: Call): Promise<number> {
  const wasThere = checkpoint(call) !== undefined;
  try {
    return await converge(call);
  } finally {
    if (!wasThere) {
      await endUnlessBusy(call);
    }
  }
}

/** What a command has made only to look stays where another one needs it by now. */
async function endUnlessBusy(call: Call): Promise<void> {
  const release = await holdStack(call).catch(() => undefined);
  if (release !== undefined && !stands(checkpoint(call))) {
    await end(call);
  }
  release?.();
}

function holdStack({ state, stack }: Call): Promise<() => void> {
  return exclusive(`stack ${stack}`, stackFolder(state, stack));
}
