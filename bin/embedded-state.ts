import { exclusive } from "../sandbox/exclusive.ts";
import { stop } from "../sandbox/host.ts";
import { sandboxPathsFrom } from "../sandbox/paths.ts";
import { reportTo } from "../sandbox/report.ts";
import { type Pulumi, pulumiEnvironment, readCheckpoint } from "./backend.ts";
import { type Call, runMark } from "./call.ts";
import type { Deployment } from "./deployment.ts";
import { stackFolder } from "./environment.ts";
import { runVariable } from "./leftovers.ts";
import { backendOf, giveBack, passphraseFile } from "./state.ts";

/** Milliseconds to wait for another stack's start or end. */
const patience = 120_000;

/** The stack's state, from its file. Undefined where there is no such stack. */
export function checkpoint({ state, stack }: Call): Deployment | undefined {
  return readCheckpoint(backendOf(state), stack);
}

/** The real pulumi, with the backend and the secrets of the embedded host's stacks. */
export async function pulumiOf(call: Call): Promise<Pulumi> {
  const { state, stack } = call;
  const toolchain = await call.toolchain();
  return {
    program: toolchain.pulumi,
    directory: stackFolder(state, stack),
    environment: {
      ...pulumiEnvironment(toolchain),
      PULUMI_BACKEND_URL: `file://${backendOf(state)}`,
      PULUMI_CONFIG_PASSPHRASE: undefined,
      PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile(state),
      PULUMI_DIY_BACKEND_GZIP: undefined,
      // The spec is a source of the user's: `stack rm` would remove it.
      PULUMI_OPTION_PRESERVE_CONFIG: "true",
      PULUMI_STACK: stack,
      LIBVIRT_DEFAULT_URI: undefined,
      [runVariable]: runMark(call),
    },
  };
}

/** Does what no other stack's start or end may come between. */
export async function withState<T>({ state }: Call, work: () => T | Promise<T>): Promise<T> {
  const release = await exclusive(state, state, patience);
  try {
    return await work();
  } finally {
    release();
  }
}

/** Gives back what a stack that does not stand any more has, and after the last one the embedded host. */
export function end(call: Call): Promise<void> {
  const { state, stack } = call;
  const pulumi = () => pulumiOf(call);
  return withState(call, () =>
    giveBack(state, stack, pulumi, () => stop(sandboxPathsFrom(process.env), reportTo("sandbox"))),
  );
}
