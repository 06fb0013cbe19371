/**
 * `npm run field`: the reports from the field, each tried on a standing stack.
 *
 * Usage: npm run field -- [--list] [--only NAME]... [--resume FILE] [--keep]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { requireRoot } from "../../sandbox/host.ts";
import { entryPoint, UserError } from "../../sandbox/report.ts";
import { checkAll } from "../e2e/checks.ts";
import { TestStack } from "../e2e/stack.ts";
import { machineBefore, takeDown } from "../e2e/take-down.ts";
import { commitHere, keepProgress, type Noted, resumed } from "../faults/progress.ts";
import { baseCases } from "./bases.ts";
import { type FieldCase, one, staysClean } from "./case.ts";
import { debuggerCases } from "./debugger.ts";
import { guestCases } from "./guests.ts";
import { keyCases } from "./keys.ts";
import { oldKernelCase } from "./old-kernel.ts";
import { repositoryCases } from "./repositories.ts";
import { symbolCases } from "./symbols.ts";

/** How far a run has come. */
interface Progress extends Noted {
  /** Names of the cases with the right outcome. */
  readonly right: readonly string[];
}

const cases: readonly FieldCase[] = [
  ...[...guestCases, ...debuggerCases, ...symbolCases],
  ...[...repositoryCases, ...keyCases, ...baseCases, oldKernelCase],
];

function say(line: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);
}

/** Tries one, and brings the stack back to its own spec. @returns whether the outcome was the right one */
async function tried(stack: TestStack, one: FieldCase): Promise<boolean> {
  const begun = performance.now();
  say(`${typeof one.kind === "number" ? "kind " : ""}${one.kind}: ${one.name}`);
  let isRight = false;
  try {
    await one.run(stack, (line) => say(`  ${line}`));
    isRight = true;
    say(`  right, after ${((performance.now() - begun) / 1000).toFixed()} s`);
  } catch (error) {
    say(`  ${String((error as Error).message).replaceAll(/\s*\n\s*/g, "; ")}`);
  }
  stack.writeSpec();
  await stack.run("up");
  await checkAll(stack);
  await staysClean(stack);
  return isRight;
}

function chosen(names: readonly string[] | undefined): readonly FieldCase[] {
  const unknown = names?.find((name) => !cases.some((one) => one.name === name));
  if (unknown !== undefined) {
    throw new UserError(`cannot try ${JSON.stringify(unknown)}: no report is called that; see npm run field -- --list`);
  }
  return cases.filter(({ name }) => names?.includes(name) ?? true);
}

await entryPoint("field", async () => {
  const { values: options } = parseArgs({
    options: {
      list: { type: "boolean", default: false },
      only: { type: "string", multiple: true },
      resume: { type: "string" },
      keep: { type: "boolean", default: false },
    },
  });
  const asked = chosen(options.only);
  if (options.list) {
    console.log(asked.map(({ name }) => name).join("\n"));
    return;
  }
  requireRoot("make an environment of its own");
  const state = join(tmpdir(), "duet-field");
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const log = `${state}.log`;
  const stack = new TestStack({
    name: "field",
    vms: [one],
    environment: { ...process.env, XDG_STATE_HOME: state },
    log,
    // A kernel of all that defconfig or a distribution asks for is twice the work of the stack's own.
    limit: 180,
  });
  const commit = commitHere();
  let right = options.resume === undefined ? [] : (resumed<Progress>(options.resume, commit)?.right ?? []);
  console.log(`log: ${log}`);
  writeFileSync(log, "", { mode: 0o600 });
  stack.writeSpec();
  const before = await machineBefore(state);
  try {
    say("bring an environment up");
    await stack.run("up");
    await checkAll(stack);
    for (const one of asked.filter(({ name }) => !right.includes(name))) {
      if (await tried(stack, one)) {
        right = [...right, one.name];
        if (options.resume !== undefined) {
          keepProgress(options.resume, { commit, right } as Progress);
        }
      }
    }
  } catch (error) {
    say(`the environment does not come back, and the rest is left out: ${(error as Error).message}`);
  }
  const isClean = options.keep || (await takeDown(stack, state, before, say));
  const count = asked.filter(({ name }) => right.includes(name)).length;
  console.log(`${count} of ${asked.length} with the right outcome`);
  process.exitCode = count === asked.length && isClean ? 0 : 1;
});
