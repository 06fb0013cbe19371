import { setImmediate as endOfTurn } from "node:timers/promises";
import * as grpc from "@grpc/grpc-js";
import * as pulumi from "@pulumi/pulumi";
import languageServices from "@pulumi/pulumi/proto/language_grpc_pb.js";
import language from "@pulumi/pulumi/proto/language_pb.js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import { disconnect, resetOptions } from "@pulumi/pulumi/runtime/settings.js";
import { serve } from "../../provider/grpc.ts";
import "./quiet-sdk.ts";
import { requiredPackages } from "./required-packages.ts";
// What the program imports is loaded before pulumi wants it to be run.
import "../../library.ts";

/**
 * Adds the language host of the program, for pulumi's option `--client`.
 *
 * Source: Pulumi's language runtime protocol, as its Automation API serves it for inline programs.
 */
export function addProgram(server: grpc.Server): void {
  const service = {
    getRequiredPackages: serve(async () => requiredPackages()),
    getPluginInfo: serve(async () => new plugin.PluginInfo()),
    run: serve(run),
  };
  server.addService(languageServices.LanguageRuntimeService, service as unknown as grpc.UntypedServiceImplementation);
}

let runs = 0;

/** Takes what nobody has caught: there from the first run to the end of this process, which would end of it otherwise. */
let uncaught: (error: unknown) => void = () => {};
const takeUncaught = (error: unknown) => uncaught(error);

async function run(request: language.RunRequest): Promise<language.RunResponse> {
  const [engine = ""] = request.getArgsList();
  resetOptions(
    request.getProject(),
    request.getStack(),
    request.getParallel(),
    engine,
    request.getMonitorAddress(),
    request.getDryrun(),
    request.getOrganization(),
  );
  const config = Object.fromEntries(request.getConfigMap().entries());
  pulumi.runtime.setAllConfig(config, request.getConfigsecretkeysList());
  /** Each error, and when the engine has been told of it. */
  const failures = new Map<unknown, Promise<void>>();
  let giveUp = () => {};
  const failed = new Promise<void>((resolve) => {
    giveUp = resolve;
  });
  const fail = (error: unknown) => {
    if (!failures.has(error)) {
      failures.set(error, report(error));
    }
    // What waits for the value that failed would wait for ever.
    giveUp();
  };
  uncaught = fail;
  if (runs === 0) {
    process.on("uncaughtException", takeUncaught).on("unhandledRejection", takeUncaught);
  }
  try {
    // A preview and the `up` that follows it are two runs, and a module runs but once.
    const program = () => import(`../../index.ts?run=${++runs}`).catch(fail);
    await Promise.race([pulumi.runtime.runInPulumiStack(program), failed]);
  } catch (error) {
    fail(error);
  }
  if (failures.size === 0) {
    await disconnect(true);
    // Node tells of a rejection that nobody has caught at the end of the turn.
    await endOfTurn();
  }
  await Promise.allSettled(failures.values());
  const response = new language.RunResponse();
  // The reasons have been told.
  response.setBail(failures.size > 0 || pulumi.log.hasErrors());
  return response;
}

/** Tells the user of an error, as the SDK's own runner does. */
async function report(error: unknown): Promise<void> {
  // An engine that has ended has told why, and hears nothing any more.
  if (error instanceof Error && "code" in error && error.code === grpc.status.UNAVAILABLE) {
    return;
  }
  if (pulumi.RunError.isInstance(error)) {
    await pulumi.log.error(error.message);
  } else if (pulumi.ResourceError.isInstance(error)) {
    await pulumi.log.error(error.hideStack ? error.message : (error.stack ?? error.message), error.resource);
  } else {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    await pulumi.log.error(`the program failed with an unhandled exception:\n${text}`);
  }
}
