import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sh } from "../../components/index.ts";
import { project } from "../../launcher/project.ts";
import { until } from "../../sandbox/processes.ts";
import { demand } from "../e2e/checks.ts";
import { shared, type TestStack } from "../e2e/stack.ts";
import type { Case } from "../field/campaign.ts";

const file = join(shared, "duet-module/main.c");

/** The watcher of a stack, as a person starts it. */
function watcherOf({ name, environment }: TestStack) {
  const child = spawn(join(project, "bin/duetctl"), ["watch", "--stack", name], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit");
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return {
    /** Waits for words that it has not said before, and gives the line. @param limit seconds */
    says: async (words: RegExp, limit: number): Promise<string> => {
      const found = () => output.split("\n").find((line) => words.test(line));
      await until(limit * 1000, () => found() !== undefined);
      demand("what the watcher says", output, words);
      const line = found() ?? "";
      output = output.slice(output.indexOf(line) + line.length);
      return line;
    },
    end: async (): Promise<number> => {
      child.kill("SIGINT");
      const [code] = await ended;
      return code;
    },
  };
}

/** Saves one edit after the other, beside a watcher. */
async function edits(stack: TestStack, original: string, say: (line: string) => void): Promise<void> {
  const info = () => stack.guest("one", sh`modinfo -F loop duet`);
  const save = (value: string) => writeFileSync(file, `${original}\nMODULE_INFO(loop, "${value}");\n`);
  const watcher = watcherOf(stack);
  try {
    await watcher.says(/watches \S+/, 60);
    for (const value of ["first", "second"]) {
      save(value);
      say((await watcher.says(/one: build \w+ is loaded, [\d.]+ s after the edit/, 180)).slice(9));
      demand("the module that is loaded", await info(), value);
    }
    appendFileSync(file, "no such thing;\n");
    say((await watcher.says(/cannot build .*main\.c:\d+:\d+: error: /, 120)).slice(9));
    demand("the module that is loaded", await info(), "second");
    save("third");
    await watcher.says(/one: build \w+ is loaded/, 180);
    await stack.guestAnew("one", sh`sync; echo c >/proc/sysrq-trigger`, 10).catch(() => {});
    await sleep(2000);
    save("fourth");
    say(
      (await watcher.says(/cannot (?:build|load) the module in one: it does not answer .*run pulumi up/, 500)).slice(9),
    );
  } finally {
    demand("the exit status of the watcher", String(await watcher.end()), "130");
  }
  await stack.run("up");
  demand("the module that is loaded", await info(), "fourth");
  await stack.stays();
}

export const watcherCase: Case = {
  about: "watcher",
  name: "an edit is loaded when it is saved, an error is told, and a guest that panics meanwhile is brought back by up",
  run: async (stack, say) => {
    const original = readFileSync(file, "utf8");
    try {
      await edits(stack, original, say);
    } finally {
      writeFileSync(file, original);
    }
  },
};
