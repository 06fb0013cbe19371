/** What the package exports: the components, and what a program gives the whole of them from a plain object. */
import * as pulumi from "@pulumi/pulumi";
import { type DuetEnvironmentArgs, parseSpec, SpecError, type SpecInput } from "./components/index.ts";
import { idOf, idVariable } from "./launcher/identity.ts";
import { runVariable } from "./launcher/repair/leftovers.ts";
import { findSite } from "./site.ts";

export * from "./components/index.ts";

/** The embedded host is there while the launcher runs pulumi, and only then. */
function requireHost(sandbox: boolean): void {
  if (sandbox && process.env[runVariable] === undefined) {
    throw new SpecError([
      "duet:host.sandbox: asked for true, and bin/pulumi of the Duet project alone makes that host; leave it out",
    ]);
  }
}

/**
 * Checks a spec and finds out what it does not say, for `new DuetEnvironment(name, onThisMachine({ sources, vms }))`.
 * For programs only: it reads the environment and the machine. Changes nothing.
 *
 * @param asked what a stack's file has under `duet:`, as a plain object
 * @param folder absolute path of the folder below which its relative paths are. Defaults to that of the program.
 * @throws RunError with a line for each problem, which pulumi prints as it is
 */
export function onThisMachine(asked: SpecInput, folder: string = process.cwd()): DuetEnvironmentArgs {
  const stack = pulumi.getStack();
  const id = idOf(pulumi.getProject(), stack);
  try {
    const spec = parseSpec(asked);
    requireHost(spec.host.sandbox);
    return { spec, site: findSite(spec, stack, folder, { [idVariable]: id, ...process.env }) };
  } catch (error) {
    throw error instanceof SpecError ? new pulumi.RunError(error.message) : error;
  }
}
