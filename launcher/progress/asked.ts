import { type Invocation, optionsIn } from "../invocation.ts";

/** The options of pulumi that say what is to be done. Every other one may ask for something of its own to be shown. */
const ofWork = new Set([
  ...["yes", "y", "skip-preview", "f", "preview-only", "stack", "s", "cwd", "C", "config-file", "config", "c"],
  ...["config-path", "message", "m", "target", "t", "target-dependents", "target-replace", "replace", "exclude"],
  ...["exclude-dependents", "exclude-protected", "parallel", "p", "refresh", "r", "run-program", "secrets-provider"],
  ...["continue-on-error", "expect-no-changes", "skip-config-validation", "suppress-outputs", "suppress-permalink"],
  ...["remove", "color"],
]);

/**
 * Whether the progress of a run is shown by this project. It is not if pulumi itself is to ask something, or if its own
 * display is asked for, by any option that is about more than the work.
 *
 * @param words the arguments of pulumi
 */
export function showsProgress({ command = "", effect }: Invocation, words: readonly string[]): boolean {
  const options = optionsIn(words);
  const isAnswered = options.some(({ name, value = "true" }) => /^(?:yes|y)$/.test(name) && value !== "false");
  return (
    /^(?:up|preview|destroy)$/.test(command) &&
    (effect === "preview" || isAnswered) &&
    options.every(({ name }) => ofWork.has(name))
  );
}
