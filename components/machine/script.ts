import * as pulumi from "@pulumi/pulumi";
import { scriptText, type Value, type Values } from "./script-text.ts";

// In a file of its own, since whoever has no use for Pulumi's SDK need not wait until it is loaded.
export { declaredNames, scriptText, type Value, type Values } from "./script-text.ts";

/** The values of a script by their names, while some of them are not known yet. */
export type ValueInputs = Readonly<Record<string, pulumi.Input<Value> | readonly pulumi.Input<string>[]>>;

/**
 * `scriptText` for values of which some are outputs, without its comments: the state of a stack has each step twice, and
 * each run sends all of it around.
 */
export function script(base: string, file: string, values: ValueInputs): pulumi.Output<string> {
  return pulumi.output(values).apply((known) => scriptText(base, file, known as Values, true));
}
