import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sh } from "../../components/index.ts";
import { scriptText } from "../../components/machine/script-text.ts";
import { until } from "../../sandbox/processes.ts";
import { demand } from "../e2e/checks.ts";
import { kernel, type SpecChange, shared, type TestStack } from "../e2e/stack.ts";
import { lines } from "../support/lines.ts";
import type { Example, Shown } from "./example.ts";

/** The module as it is, and the crashes that it gets. */
const original = join(import.meta.dirname, "../../samples/module/main.c");
const seeds = readFileSync(new URL("crash.c", import.meta.url), "utf8");
const [source, added] = [`${shared}/duet-module/main.c`, `${shared}/duet-module/crash.c`];
const init = "static int __init duet_init(void)";

/** The line at which the module crashes, if it is asked for that. */
function lineOf(seed: string): number {
  const line = seeds.split("\n").findIndex((text) => text.endsWith(`/* line of ${seed} */`)) + 1;
  demand(`the line of ${seed} in crash.c`, String(line), /^[1-9]/);
  return line;
}

/** A crash that the module is asked for, what the report calls it, and the name of the function. */
interface Seed {
  readonly seed: string;
  readonly name: string;
  readonly called: string;
  /** Whether QEMU stops the guest. */
  readonly stops: boolean;
}

const plain: readonly Seed[] = [
  { seed: "oops", name: "An oops", called: "BUG: kernel NULL pointer dereference", stops: true },
  { seed: "panic", name: "A panic", called: "duet: asked for with the number 4711", stops: true },
];
/** Those that take another kernel to be seen. */
const checked: readonly Seed[] = [
  { seed: "free", name: "A use after free, by KASAN", called: "BUG: KASAN: (?:slab-)?use-after-free", stops: true },
  { seed: "deadlock", name: "A deadlock, by lockdep", called: "WARNING: possible recursive locking", stops: false },
];
const checkedKernel: SpecChange = {
  "duet:kernel": { ...kernel, fragments: ["kasan", "lockdep", ...kernel.fragments] },
  // A kernel that checks each access is slow without KVM, and has an eighth of its memory for that.
  "duet:vms": [{ name: "one", memory: 1024, vcpus: 2, bootTimeout: 1200 }],
};

/** What a crash took. */
export interface Cost {
  readonly name: string;
  /** Seconds from the crash to the report, and of the `up` that tells of it and brings the guest back. */
  readonly report: number;
  readonly up: number;
  /** Bytes of the dump, and of the report with its page. */
  readonly dump: number;
  readonly text: number;
}

/** What watching a guest takes while nothing happens. */
export interface Idle {
  /** Milliseconds of a processor in a minute. */
  readonly processor: number;
  /** Mebibytes of memory that nobody else has. */
  readonly memory: number;
}

/** Crashes that were shown, and what they took. */
export interface Crashes {
  readonly shown: readonly Shown[];
  readonly costs: readonly Cost[];
  readonly idle: Idle;
}

const reportsOf = (stack: TestStack, guest: string): string => join(stack.folder, "crashes", guest, "reports");
const listed = async (stack: TestStack, guest: string): Promise<readonly string[]> =>
  (await stack.host(sh`ls -1 ${reportsOf(stack, guest)} 2>/dev/null || true`))
    .split("\n")
    .filter((name) => name !== "");

/** Has the module crash, and the guest brought back. */
async function crash(stack: TestStack, guest: string, { seed, name, called, stops }: Seed): Promise<[Shown, Cost]> {
  const typed = `echo ${seed} >/sys/module/duet/parameters/crash`;
  const before = await listed(stack, guest);
  const begun = performance.now();
  // It has no answer.
  const asked = stack.guestAnew(guest, sh`sh -c ${typed}`, 10).catch(() => {});
  const isWritten = async () => {
    await sleep(1000);
    return (await listed(stack, guest)).length > before.length;
  };
  if (!(await until(300_000, isWritten))) {
    throw new Error(`${name}: there was to be a report in ${reportsOf(stack, guest)}, and is none after 300 s`);
  }
  const took = (performance.now() - begun) / 1000;
  await asked;
  const folder = join(reportsOf(stack, guest), (await listed(stack, guest)).at(-1) ?? "");
  const state = await stack.virsh("domstate", guest);
  demand(`the state of ${guest} until the next up`, state, stops ? "crashed" : "running");
  const { output, seconds } = await stack.run("up");
  const place = `crash\\.c:${lineOf(seed)}\\)`;
  const line = new RegExp(`${guest} (?:panicked|reported): ${called}.*${place}.*; report: ${folder}/report\\.txt`);
  const [told = "nothing"] = line.exec(output) ?? [];
  demand(`what up says of ${name}`, told, line);
  await stack.guest(guest, sh`uname -r`);
  const report = readFileSync(join(folder, "report.txt"), "utf8");
  demand(`the page of ${name}`, readFileSync(join(folder, "report.html"), "utf8"), new RegExp(`<h1>.*${called}`));
  const size = async (...names: readonly string[]) => Number(await stack.host(sh`cd ${folder}; cat ${names} | wc -c`));
  const example: Example = {
    name,
    typed: [typed],
    // The place by the kernel's own trace, and the frame with its variables, as drgn has them in the dump.
    answer: new RegExp(
      `${called}.*duet_seed_${seed} at \\S*crash\\.c:${lineOf(seed)}.*\\.number = (?:\\(int\\))?4711`,
      "s",
    ),
  };
  const cost = { name, report: took, up: seconds, dump: await size("memory.kdump"), text: 0 };
  return [
    { example, printed: [told, "", shortened(report)].join("\n") },
    { ...cost, text: await size("report.txt", "report.html") },
  ];
}

/** Of a report what says where it was: the head, the task and its stack. */
function shortened(report: string): string {
  const parts = report.split(/^(?=## )/m);
  const wanted = /^(?:# |## (?:The task|Its stack))/;
  return parts
    .filter((part) => wanted.test(part))
    .join("")
    .trimEnd();
}

/** Puts the crashes into the module's sources; the file stays the developer's. */
async function seedModule(stack: TestStack): Promise<void> {
  const text = readFileSync(original, "utf8");
  demand("the module's main.c", text, new RegExp(`^${init.replaceAll(/[()]/g, "\\$&")}$`, "m"));
  await stack.host(
    lines(
      sh`printf %s ${seeds} >${added}`,
      sh`chown --reference=${source} ${added}`,
      sh`printf %s ${text.replace(init, `#include "crash.c"\n\n${init}`)} >${source}`,
    ),
  );
  await stack.run("up");
}

async function mendModule(stack: TestStack): Promise<void> {
  await stack.host(sh`cat -- ${original} >${source}; rm -f -- ${added}`);
}

/** What the watcher of a guest takes in half a minute in which nothing happens. */
async function idleCost(stack: TestStack, guest: string): Promise<Idle> {
  const pidFile = join(stack.folder, "crashes", guest, "pid");
  const shell = scriptText(import.meta.url, "idle.sh", { pid_file: pidFile });
  const [processor = 0, memory = 0] = (await stack.host({ shell })).split(" ").map(Number);
  return { processor, memory: memory / 1024 };
}

/**
 * Has the module crash in each of the ways, and the guest come back after each.
 *
 * @param all whether those are among them that take a kernel of their own
 */
export async function crashExamples(stack: TestStack, guest: string, all = true): Promise<Crashes> {
  const shown: Shown[] = [];
  const costs: Cost[] = [];
  const idle = await idleCost(stack, guest);
  const seedAll = async (asked: readonly Seed[]) => {
    for (const one of asked) {
      const [example, cost] = await crash(stack, guest, one);
      shown.push(example);
      costs.push(cost);
    }
  };
  try {
    await seedModule(stack);
    await seedAll(plain);
    if (all) {
      stack.writeSpec(checkedKernel);
      await stack.run("up");
      await seedAll(checked);
    }
  } finally {
    await mendModule(stack);
    if (all) {
      // The task that waits for itself goes with the guest, which has another kernel next.
      await stack.virsh("destroy", guest).catch(() => {});
      stack.writeSpec();
    }
  }
  await stack.run("up");
  return { shown, costs, idle };
}
