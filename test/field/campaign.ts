/** Cases that are tried on a standing stack, one after the other, which can go on where it was stopped. */
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { requireRoot } from "../../sandbox/host.ts";
import { UserError } from "../../sandbox/report.ts";
import { checkAll } from "../e2e/checks.ts";
import { TestStack } from "../e2e/stack.ts";
import { machineBefore, takeDown } from "../e2e/take-down.ts";
import { commitHere, keepProgress, type Noted, resumed } from "../faults/progress.ts";
import { say } from "../support/say.ts";
import { one, staysClean } from "./case.ts";

/** Something that is tried on a standing stack. */
export interface Case {
  /** What it is about, in a word or two. */
  readonly about: string;
  /** In a few words. */
  readonly name: string;
  /** Does it, and throws if the outcome is not the right one. The stack is brought back to its own spec afterwards. */
  run(stack: TestStack, say: (line: string) => void): Promise<void>;
}

/** How far a run has come. */
interface Progress extends Noted {
  /** Names of the cases with the right outcome. */
  readonly right: readonly string[];
}

/** Tries one, and brings the stack back to its own spec. @returns whether the outcome was the right one */
async function tried(stack: TestStack, one: Case): Promise<boolean> {
  const begun = performance.now();
  say(`${one.about}: ${one.name}`);
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

/**
 * Tries cases as the command line asks for them, and says in the last line how many had the right outcome. The exit
 * status is 0 if all had, and the machine is as it was.
 *
 * @param program name of the npm script, and of the stack
 * @param limit minutes after which a pulumi command is ended
 */
export async function tryCases(program: string, cases: readonly Case[], limit: number): Promise<void> {
  const { values: options } = parseArgs({
    options: {
      list: { type: "boolean", default: false },
      only: { type: "string", multiple: true },
      resume: { type: "string" },
      keep: { type: "boolean", default: false },
    },
  });
  const unknown = options.only?.find((name) => !cases.some((one) => one.name === name));
  if (unknown !== undefined) {
    throw new UserError(
      `cannot try ${JSON.stringify(unknown)}: nothing is called that; see npm run ${program} -- --list`,
    );
  }
  const asked = cases.filter(({ name }) => options.only?.includes(name) ?? true);
  if (options.list) {
    console.log(asked.map(({ name }) => name).join("\n"));
    return;
  }
  requireRoot("make an environment of its own");
  const state = join(tmpdir(), `duet-${program}`);
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const log = `${state}.log`;
  const environment = { ...process.env, XDG_STATE_HOME: state };
  const stack = new TestStack({ name: program, vms: [one], environment, log, limit });
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
}
