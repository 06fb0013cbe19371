/**
 * `npm run guide`: the rest of the guide, each of its examples run on a booted guest.
 *
 * Usage: npm run guide -- [--write] [--keep]
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { btfPackages, flameGraphPackages, perfPackages } from "../../components/host/package-lists.ts";
import { hostAccelerator } from "../../sandbox/accelerator.ts";
import { requireRoot } from "../../sandbox/host.ts";
import { installPackages } from "../../sandbox/packages.ts";
import { entryPoint, reportTo } from "../../sandbox/report.ts";
import { kernel, TestStack } from "../e2e/stack.ts";
import { machineBefore, takeDown } from "../e2e/take-down.ts";
import { browserPackages, consoleInBrowser } from "./browser.ts";
import { crashExamples } from "./crash.ts";
import { crashPage } from "./crash-page.ts";
import { wrong } from "./example.ts";
import { gdbExamples } from "./gdb.ts";
import { gdbPage, perfPage } from "./page.ts";
import { perfChapter } from "./perf.ts";

function say(line: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);
}

/** A kernel with BTF, and guests with perf and what else looks at a kernel that runs. */
const tracing = {
  "duet:kernel": { ...kernel, fragments: [...kernel.fragments, "perf", "bpf"] },
  "duet:tools": { perf: true, packages: ["bpftool", "bpftrace", "trace-cmd"] },
} as const;
const tracingPackages = [...perfPackages, ...flameGraphPackages, ...btfPackages];

const machine = `${availableParallelism()} processors, guests under ${hostAccelerator().toUpperCase()}`;

await entryPoint("guide", async () => {
  const { values: options } = parseArgs({
    options: { write: { type: "boolean", default: false }, keep: { type: "boolean", default: false } },
  });
  requireRoot("make an environment of its own");
  const state = join(tmpdir(), "duet-guide-state");
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const log = `${state}.log`;
  const stack = new TestStack({
    name: "guide",
    vms: [{ name: "one", memory: 768, vcpus: 2 }],
    spec: tracing,
    environment: { ...process.env, XDG_STATE_HOME: state },
    log,
  });
  console.log(`log: ${log}`);
  writeFileSync(log, "", { mode: 0o600 });
  stack.writeSpec();
  await installPackages(reportTo("packages"), browserPackages);
  const before = await machineBefore(state, tracingPackages);
  let problems: readonly string[] = [];
  let count = 0;
  try {
    say("bring an environment up");
    await stack.run("up");
    say("the web console");
    const seen = await consoleInBrowser(stack, "one", options.write ? "docs/web-console.png" : `${state}.png`);
    say("gdb");
    const shown = await gdbExamples(stack, "one");
    say("perf");
    const perf = await perfChapter(stack, "one");
    say("crashes");
    const crashes = await crashExamples(stack, "one");
    const all = [...seen, ...shown, ...perf.shown, ...crashes.shown];
    count = all.length;
    problems = wrong(all);
    if (options.write) {
      writeFileSync("docs/gdb.md", gdbPage(shown, machine));
      writeFileSync("docs/perf.md", perfPage(perf.shown, machine));
      writeFileSync("docs/perf.svg", perf.svg);
      writeFileSync("docs/crashes.md", crashPage(readFileSync("docs/crashes.md", "utf8"), crashes, machine));
    }
    say("up, which finds nothing amiss");
    await stack.stays();
  } catch (error) {
    problems = [...problems, (error as Error).message];
  }
  problems.forEach(say);
  const isClean = options.keep || (await takeDown(stack, state, before, say));
  console.log(`${count - problems.length} of ${count} examples as the guide has them`);
  process.exitCode = problems.length === 0 && count > 0 && isClean ? 0 : 1;
});
