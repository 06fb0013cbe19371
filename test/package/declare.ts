/**
 * Runs a program against a mocked engine, and prints the resources that it declares, a line of JSON each.
 *
 * `node declare.ts PROGRAM STACK GUEST…`
 */
import { deploy, type Made, scriptOf } from "../support/mocks.ts";
import { printedByHost, printedOf } from "../support/printed.ts";

const [program = "", stack, ...guests] = process.argv.slice(2);

/** A step is packed in its input: what is compared, and read, is its text. */
function shown({ inputs, ...made }: Made): object {
  const isStep = typeof inputs.stdin === "string";
  return { ...made, inputs: { ...inputs, ...(isStep ? { stdin: scriptOf({ ...made, inputs }).file } : {}) } };
}

const printed = { ...printedByHost, ...printedOf(guests) };
try {
  const { made } = await deploy(() => import(program), printed, {}, stack);
  for (const one of made) {
    console.log(JSON.stringify(shown(one)));
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
