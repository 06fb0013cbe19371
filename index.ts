import * as pulumi from "@pulumi/pulumi";
import { DuetEnvironment, parseSpec, type Spec, SpecError, specKeys } from "./components/index.ts";
import { findSite } from "./site.ts";

/** What the stack's configuration says under `duet:`, by key. */
function readConfig(): Record<string, unknown> {
  const config = new pulumi.Config("duet");
  const named = Object.keys(pulumi.runtime.allConfig()).flatMap((key) =>
    key.startsWith("duet:") ? [key.slice(5)] : [],
  );
  const values: Record<string, unknown> = {};
  for (const key of new Set([...specKeys, ...named])) {
    const text = config.get(key);
    if (text !== undefined) {
      try {
        values[key] = JSON.parse(text);
      } catch {
        // A plain string is not JSON; the spec says what it should have been.
        values[key] = text;
      }
    }
  }
  return values;
}

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
  const spec: Spec = parseSpec(readConfig());
  return { spec, site: findSite(spec, stack, import.meta.dirname, process.env) };
});

/** For each guest: name, address, gdbPort, kernelRelease, sshCommand and gdbCommand. */
export const vms = new DuetEnvironment("duet", { spec, site }).vms;
