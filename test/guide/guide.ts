/**
 * `npm run guide`: the rest of the guide, each of its examples run on a booted guest.
 *
 * Usage: npm run guide -- [--only console|gdb|perf|crashes]... [--write] [--keep]
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { btfPackages, flameGraphPackages, perfPackages } from "../../components/host/package-lists.ts";
import { hostAccelerator } from "../../sandbox/accelerator.ts";
import { requireRoot } from "../../sandbox/host.ts";
import { installPackages } from "../../sandbox/packages.ts";
import { entryPoint, reportTo, UserError } from "../../sandbox/report.ts";
import { kernel, TestStack } from "../e2e/stack.ts";
import { machineBefore, takeDown } from "../e2e/take-down.ts";
import { say } from "../support/say.ts";
import { browserPackages, consoleInBrowser } from "./browser.ts";
import { crashExamples } from "./crash.ts";
import { crashPage } from "./crash-page.ts";
import { type Shown, wrong } from "./example.ts";
import { gdbExamples } from "./gdb.ts";
import { gdbPage, perfPage } from "./page.ts";
import { perfChapter } from "./perf.ts";

/** A kernel with BTF, and guests with perf and what else looks at a kernel that runs. */
const tracing = {
  "duet:kernel": { ...kernel, fragments: [...kernel.fragments, "perf", "bpf"] },
  "duet:tools": { perf: true, packages: ["bpftool", "bpftrace", "trace-cmd"] },
} as const;
const tracingPackages = [...perfPackages, ...flameGraphPackages, ...btfPackages];

const machine = `${availableParallelism()} processors, guests under ${hostAccelerator().toUpperCase()}`;

/** What a part of the guide has shown, and its pages: their paths and texts. */
interface Chapter {
  readonly shown: readonly Shown[];
  readonly pages: Readonly<Record<string, string | Buffer>>;
}

/** The parts of the guide, in the order in which they are run. */
const chapters: Readonly<Record<string, (stack: TestStack, state: string) => Promise<Chapter>>> = {
  console: async (stack, state) => {
    const picture = `${state}.png`;
    const shown = await consoleInBrowser(stack, "one", picture);
    return { shown, pages: { "docs/web-console.png": readFileSync(picture) } };
  },
  gdb: async (stack) => {
    const shown = await gdbExamples(stack, "one");
    return { shown, pages: { "docs/gdb.md": gdbPage(shown, machine) } };
  },
  perf: async (stack) => {
    const { shown, svg } = await perfChapter(stack, "one");
    return { shown, pages: { "docs/perf.md": perfPage(shown, machine), "docs/perf.svg": svg } };
  },
  crashes: async (stack) => {
    const crashes = await crashExamples(stack, "one");
    const page = crashPage(readFileSync("docs/crashes.md", "utf8"), crashes, machine);
    return { shown: crashes.shown, pages: { "docs/crashes.md": page } };
  },
};

await entryPoint("guide", async () => {
  const { values: options } = parseArgs({
    options: {
      only: { type: "string", multiple: true, default: Object.keys(chapters) },
      write: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
    },
  });
  const unknown = options.only.find((name) => chapters[name] === undefined);
  if (unknown !== undefined) {
    throw new UserError(`cannot run ${unknown}: the guide has ${Object.keys(chapters).join(", ")}; take one of them`);
  }
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
  const problems: string[] = [];
  let count = 0;
  // What fails in one chapter is no reason to do without the next.
  const attempt = async (what: string, work: () => Promise<unknown>) => {
    say(what);
    await work().catch((error: Error) => {
      say(`${what}: ${error.message}`);
      problems.push(what);
    });
  };
  await attempt("bring an environment up", () => stack.run("up"));
  for (const [name, run] of Object.entries(chapters).filter(([name]) => options.only.includes(name))) {
    await attempt(name, async () => {
      const { shown, pages } = await run(stack, state);
      count += shown.length;
      const others = wrong(shown);
      others.forEach(say);
      problems.push(...others);
      if (options.write && others.length === 0) {
        Object.entries(pages).forEach(([file, text]) => {
          writeFileSync(file, text);
        });
      }
    });
  }
  await attempt("up, which finds nothing amiss", () => stack.stays());
  const isClean = options.keep || (await takeDown(stack, state, before, say));
  console.log(`${count} examples were run, ${problems.length} failed`);
  process.exitCode = problems.length === 0 && count > 0 && isClean ? 0 : 1;
});
