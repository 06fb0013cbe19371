/**
 * Runs a program against a mocked engine, and prints the resources that it declares, a line of JSON each, and its outputs.
 *
 * `node declare.ts PROGRAM STACK GUEST…`
 */
import * as pulumi from "@pulumi/pulumi";
import { deploy, type Made, scriptOf, settled } from "../support/mocks.ts";
import { printedByHost, printedOf } from "../support/printed.ts";
import { runYaml } from "./plugin.ts";

const [program = "", stack, ...guests] = process.argv.slice(2);

/** A step is packed in its input: what is compared, and read, is its text. */
function shown({ inputs, ...made }: Made): object {
  const isStep = typeof inputs.stdin === "string";
  return { ...made, inputs: { ...inputs, ...(isStep ? { stdin: scriptOf({ ...made, inputs }).file } : {}) } };
}

const printed = { ...printedByHost, ...printedOf(guests) };
const run = (): Promise<{ vms?: unknown }> => (program.endsWith(".yaml") ? runYaml(program) : import(program));
try {
  const { made, value } = await deploy(run, printed, {}, stack);
  for (const one of made) {
    console.log(JSON.stringify(shown(one)));
  }
  console.log(JSON.stringify(await settled(pulumi.output(value.vms))));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
