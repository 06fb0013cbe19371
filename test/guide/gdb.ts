import { sh } from "../../components/index.ts";
import { scriptText } from "../../components/machine/script.ts";
import { until } from "../../sandbox/processes.ts";
import { ofSamples, runGdb } from "../e2e/checks.ts";
import { shared, type TestStack } from "../e2e/stack.ts";
import type { Example, Shown } from "./example.ts";

/** The guide's examples of the kernel's own helpers, on a guest that stands still. */
export const helperExamples: readonly Example[] = [
  {
    name: "Load the symbols of the kernel and of its modules",
    typed: [`lx-symbols ${shared}/duet-module`],
    answer:
      /loading vmlinux\n(?=.*loading @0x[0-9a-f]+: \S+\/duet-module\/duet\.ko).*loading @0x[0-9a-f]+: \S+\/drivers\/net\/dummy\.ko/s,
  },
  {
    name: "Find a line of a module of the kernel's own",
    typed: ["info line dummy_xmit"],
    answer: /^Line \d+ of "\S*drivers\/net\/dummy\.c" starts at address 0x[0-9a-f]+ <dummy_xmit>/m,
  },
  { name: "List the modules that are loaded", typed: ["lx-lsmod"], answer: /^0x[0-9a-f]+\s+duet\s+\d+/m },
  {
    name: "Read the log buffer of the kernel",
    // Not `head`: gdb dies of a pipe that nobody reads to its end.
    typed: ["pipe lx-dmesg | sed -n 1,4p"],
    answer: /^\[ +0\.000000\] Linux version \d+\.\d+/m,
  },
  {
    name: "Look at the task that runs",
    typed: ["print $lx_current().pid", "print $lx_current().comm"],
    answer: /^\$\d+ = \d+\n\$\d+ = "[\w/-]+/m,
  },
  {
    name: "Look at a variable of the processor that has stopped, and of another one",
    typed: ['print $lx_per_cpu("runqueues").nr_running', 'print $lx_per_cpu("runqueues", 1).nr_running'],
    answer: /^\$\d+ = \d+\n\$\d+ = \d+$/m,
  },
  {
    name: "Dig into timers with container_of",
    typed: [
      'set $leftmost = $lx_per_cpu("hrtimer_bases").clock_base[0].active.rb_root.rb_leftmost',
      'print *$container_of($leftmost, "struct hrtimer", "node")',
    ],
    answer: /function = 0x[0-9a-f]+ <\w+>/,
  },
  {
    name: "Dig into a radix tree, such as that of the interrupts",
    typed: ["print ((struct irq_desc)$lx_radix_tree_lookup(irq_desc_tree, 4)).irq_data"],
    answer: /irq = 4,.*domain = 0x[0-9a-f]+/s,
  },
  {
    name: "Look at a module",
    typed: ['print $lx_module("duet").name', 'print $lx_module("duet").state'],
    answer: /= "duet".*\n\$\d+ = MODULE_STATE_LIVE/,
  },
  {
    name: "Look at a task by its pid",
    typed: ["print $lx_task_by_pid(1).comm", "print $lx_thread_info($lx_task_by_pid(1))"],
    answer: /= "systemd.*\n\$\d+ = \{\n? *flags = \d+/,
  },
  {
    name: "List the commands and functions",
    typed: ["apropos lx"],
    answer: /function lx_current -- .*lx-dmesg -- .*lx-lsmod -- .*lx-symbols -- /s,
  },
];

/** The guide's example of a module that is not loaded yet: its init function, and the one that events come by. */
export const pendingExample: Example = {
  name: "Stop in a module that is loaded later",
  typed: [
    "set breakpoint pending on",
    "break duet_init",
    "break duet_handle_event",
    "continue",
    "backtrace 2",
    "continue",
    "info args",
  ],
  answer:
    /Breakpoint 1 \(duet_init\) pending\.\n.*loading @0x[0-9a-f]+: \S+duet\.ko\n.*Breakpoint 1, duet_init \(\) at \S+main\.c:\d+\n.*#1 .*do_one_initcall.*Breakpoint 2, duet_handle_event \(.*\) at \S+hook\.c:\d+\n.*inode = 0x[0-9a-f]+/s,
};

/** Between the answers: nothing that the kernel prints. */
const mark = "=== answer ===";

/** libvirt calls a guest paused after each gdb. */
async function resume(stack: TestStack, guest: string): Promise<void> {
  if ((await stack.virsh("domstate", guest)) === "paused") {
    await stack.virsh("resume", guest);
  }
}

/** Runs the printed gdb command with the examples behind what attaches. @returns what it printed for each. */
async function answers(stack: TestStack, guest: string, examples: readonly Example[]): Promise<readonly Shown[]> {
  const settings = ["set pagination off", "set width 0", "set confirm off"];
  const asked = examples.flatMap(({ typed }) => [`echo ${mark}\\n`, ...typed]);
  const commands = [...settings, ...asked, `echo ${mark}\\n`, "delete", "detach", "quit"].join("\n");
  try {
    const printed = await runGdb(stack, stack.access(guest), commands);
    const [, ...parts] = printed.split(`${mark}\n`);
    return examples.map((example, at) => ({ example, printed: parts[at]?.trimEnd() ?? "" }));
  } finally {
    await resume(stack, guest);
  }
}

/** What a second gdb is told. */
const secondExample: Example = {
  name: "Attach beside a gdb that is there already",
  typed: [],
  answer: /^cannot attach to \S+: its stub takes one client, and that is gdb \(pid \d+\); detach or quit there first$/m,
};

/** Attaches twice. */
async function attachTwice(stack: TestStack, guest: string): Promise<Shown> {
  const access = stack.access(guest);
  const first = runGdb(stack, access, "shell sleep 20\ndetach\nquit\n");
  try {
    const clients = () => stack.inside(sh`ss -Htn state established ${`dport = :${access.gdbPort}`}`);
    await until(60_000, async () => (await clients()) !== "");
    return { example: secondExample, printed: await runGdb(stack, access, "echo attached\\n\ndetach\nquit\n") };
  } finally {
    await first;
    await resume(stack, guest);
  }
}

/** Runs all of them on a guest, which has its module again afterwards. */
export async function gdbExamples(stack: TestStack, guest: string): Promise<readonly Shown[]> {
  await stack.guest(guest, sh`modprobe dummy`);
  const helpers = await answers(stack, guest, helperExamples);
  await stack.guest(guest, sh`modprobe -r dummy`);
  await stack.guest(guest, sh`duet stop >/dev/null || true; rmmod duet`);
  const load = scriptText(import.meta.url, "load-later.sh", { task: ofSamples.task });
  const loads = stack.guest(guest, { shell: load }, 400).catch((error: Error) => error.message);
  const pending = await answers(stack, guest, [pendingExample]);
  await stack.guestAnew(guest, sh`touch /run/duet-seen`, 60);
  const said = await loads;
  const second = await attachTwice(stack, guest);
  return [...helpers, second, ...pending.map((shown) => ({ ...shown, printed: `${shown.printed}${said}` }))];
}
