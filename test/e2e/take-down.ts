import { existsSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostPackages } from "../../components/host/package-lists.ts";
import { installPackages, sandboxPackages } from "../../sandbox/packages.ts";
import { reportTo } from "../../sandbox/report.ts";
import { clearSources } from "./clear-sources.ts";
import { difference, type Snapshot, snapshot } from "./snapshot.ts";
import { shared, type TestStack } from "./stack.ts";

/**
 * The machine before a stack was there that may stand for longer than one run, with the packages that stay at destroy.
 * The sources of an earlier run are gone then.
 *
 * @param state absolute path of the folder that is the stack's own
 * @param packages what the host gets beside those of every stack. Defaults to none.
 */
export async function machineBefore(state: string, packages: readonly string[] = []): Promise<Snapshot> {
  clearSources(shared, state);
  const file = join(state, "before.json");
  if (!existsSync(file)) {
    const all = new Set([...sandboxPackages, ...hostPackages("ganesha"), ...packages]);
    await installPackages(reportTo("packages"), [...all]);
    writeFileSync(file, JSON.stringify(snapshot(process.env)), { mode: 0o600 });
  }
  return JSON.parse(readFileSync(file, "utf8"));
}

/** Destroys such a stack, and removes what is its own. @returns whether the machine is as it was. */
export async function takeDown(
  stack: TestStack,
  state: string,
  before: Snapshot,
  say: (line: string) => void,
): Promise<boolean> {
  say("destroy");
  await stack.run("destroy");
  const left = difference(before, snapshot(process.env));
  for (const line of left) {
    say(`destroy has not given back: ${line}`);
  }
  stack.removeSpec();
  rmSync(join(state, "before.json"));
  rmdirSync(state);
  return left.length === 0;
}
