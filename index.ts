import * as pulumi from "@pulumi/pulumi";
import { DuetEnvironment, parseSpec, type Spec, SpecError, valuesOf } from "./components/index.ts";
import { findSite } from "./site.ts";

/** A spec with problems is the user's to correct: the lines alone are printed, and no stack trace. */
function checked<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw error instanceof SpecError ? new pulumi.RunError(error.message) : error;
  }
}

const stack = pulumi.getStack();
const { spec, site } = checked(() => {
  const spec: Spec = parseSpec(valuesOf(pulumi.runtime.allConfig()));
  return { spec, site: findSite(spec, stack, import.meta.dirname, process.env) };
});

const environment = new DuetEnvironment("duet", { spec, site });

/** For each guest: name, address, stub, gdbPort, kernelRelease, sshCommand and gdbCommand. */
export const vms = environment.vms;
/** How to open the web console, if there is one: address, user, password and forwardCommand. */
export const webConsole = environment.webConsole;
/** Absolute path of the workspace file for editors. */
export const workspace = environment.workspace;
