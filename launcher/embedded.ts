import { existsSync } from "node:fs";
import { join } from "node:path";
import { trimConsoles } from "../sandbox/consoles.ts";
import { exclusive } from "../sandbox/exclusive.ts";
import { inside, requireRoot, start, stop } from "../sandbox/host.ts";
import { namespaceFile } from "../sandbox/namespace.ts";
import { installPackages, missingPackages, sandboxPackages } from "../sandbox/packages.ts";
import { sandboxPathsFrom } from "../sandbox/paths.ts";
import { isNamespace } from "../sandbox/processes.ts";
import { reportTo } from "../sandbox/report.ts";
import { type Pulumi, pulumiEnvironment, readCheckpoint } from "./backend.ts";
import { type Call, runMark } from "./call.ts";
import { isConfigured, stackConfiguration } from "./configuration.ts";
import { stackFolder } from "./environment.ts";
import { trimHistory } from "./history.ts";
import { stands } from "./repair/deployment.ts";
import { runVariable } from "./repair/leftovers.ts";
import { run } from "./run.ts";
import type { StackHost } from "./stack-host.ts";
import { backendOf, giveBack, makeBackend, makeStackFolder, passphraseFile } from "./state.ts";
import { watchLibvirt } from "./watch.ts";

/** Milliseconds to wait for another stack's start or end. */
const patience = 120_000;

/** The host that the project makes itself: a private libvirtd in a network namespace, with a backend of its own. */
export function embeddedHost(call: Call): StackHost {
  requireRoot("use the embedded host, which makes network namespaces");
  const { state, stack, invocation, directory } = call;
  const paths = sandboxPathsFrom(process.env);
  const enter = inside(paths, []);
  const backend = backendOf(state);
  const checkpoint = () => readCheckpoint(backend, stack);

  /** Does what no other stack's start or end may come between. */
  const withState = async <T>(work: () => T | Promise<T>): Promise<T> => {
    const release = await exclusive(state, state, patience);
    try {
      return await work();
    } finally {
      release();
    }
  };

  const pulumi = async (): Promise<Pulumi> => {
    const toolchain = await call.toolchain();
    return {
      program: toolchain.pulumi,
      directory: stackFolder(state, stack),
      environment: {
        ...pulumiEnvironment(toolchain),
        // Without attributes of its files, of which a pulumi that is killed leaves halves.
        PULUMI_BACKEND_URL: `file://${backend}?metadata=skip`,
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
  };

  /** Gives back what a stack that does not stand any more has, and after the last one the embedded host. */
  const end = () => withState(() => giveBack(state, stack, pulumi, () => stop(paths, reportTo("sandbox"))));

  /** What a command has made only to look stays if another one needs it by now. */
  const endUnlessBusy = async (): Promise<void> => {
    const release = await exclusive(`stack ${stack}`, stackFolder(state, stack)).catch(() => undefined);
    if (release !== undefined && !stands(checkpoint())) {
      await end();
    }
    release?.();
  };

  return {
    uri: paths.uri,
    enter,
    isShared: false,
    images: join(paths.lib, "images"),
    backend,
    pulumi,
    isThere: () => isNamespace(namespaceFile(paths.namespace)),
    watch: () => watchLibvirt([{ file: join(paths.run, "libvirtd.pid"), name: "libvirtd" }], "stays"),
    end,
    deployment: checkpoint,
    prepare: async (pulumi) => {
      const isMissing = missingPackages(sandboxPackages).length > 0;
      // A spec that was heeded before has no problem: to check it again would cost each run its share.
      if (isMissing || !isConfigured(call.spec, state, stack)) {
        await call.check();
      }
      if (isMissing) {
        await installPackages(reportTo("packages"));
      }
      return withState(async () => {
        makeStackFolder(state, stack);
        makeBackend(state);
        await start(paths, reportTo("sandbox"));
        if (invocation.command === "up") {
          trimConsoles(paths.guestLogDirectory);
          trimHistory(backend, stack);
        }
        return ["--config-file", stackConfiguration(call.spec, state, stack, pulumi)];
      });
    },
    onState: async () => {
      const { command, subcommand = "" } = invocation;
      const wasThere = existsSync(state);
      const isChosen = command === "stack" && /^(?:select|init|new)$/.test(subcommand);
      const { program, environment, ...rest } = await pulumi();
      await withState(() => {
        makeBackend(state);
        if (isChosen) {
          makeStackFolder(state, stack);
          stackConfiguration(call.spec, state, stack, { program, environment, ...rest });
        }
      });
      // `init` would write the salt of the stack's secrets into the spec.
      const words = isChosen ? ["stack", "select", stack] : call.words;
      const result = await run([program, ...words], { environment, directory });
      const isRemoved = command === "stack" && /^(?:rm|remove)$/.test(subcommand) && result === 0;
      if (isRemoved || (!wasThere && !isChosen)) {
        await endUnlessBusy();
      }
      return result;
    },
    // A preview of a stack that is not there yet leaves nothing of it.
    look: async (work) => {
      const wasThere = checkpoint() !== undefined;
      try {
        return await work();
      } finally {
        if (!wasThere) {
          await endUnlessBusy();
        }
      }
    },
  };
}
