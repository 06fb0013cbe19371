import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { type Shell, sh } from "../../components/index.ts";
import { drawing, foldedPaths } from "../../components/kernel/flame-graph.ts";
import { developer, type TestStack } from "../e2e/stack.ts";
import type { Example, Shown } from "./example.ts";

/** The dummy task over and over, for what looks at a processor that works. */
const load = "(while sleep 0.1; do dummy_task -f 8 -s 64 /var/tmp/t; done) >/dev/null 2>&1 & load=$!";
/** perf's data of an event of the module. */
const data = "/var/tmp/event.data";

/** The way of an event: from a line of the dummy task through the system call and the page cache into the module. */
export const callPath: Example = {
  name: "Follow an event from the task through the page cache into the module",
  typed: [
    "perf probe -q -m duet 'duet_handle_event inode=inode->i_ino index pages event'",
    `perf record -q --call-graph dwarf -e probe:duet_handle_event -o ${data} dummy_task -n 5 /var/tmp/t >/dev/null`,
    "perf probe -q -d probe:duet_handle_event",
    `perf script --no-inline -i ${data} | head -n 40`,
  ],
  answer:
    /inode=\S+ index=\S+ pages=\S+ event=\S+\n.* duet_handle_event\S* \(\S*duet\S*\)\n(?:.+\n)*.*filemap_add_folio.*\n(?:.+\n)*.* do_syscall_64.*\n(?:.+\n)*.*\(\S*libc\S*\)\n(?:.+\n)*.* main\+\S+ \(\S*dummy_task\)/,
};

/** The guide's list of commands, and what else it says that perf is there for. */
export const perfExamples: readonly Example[] = [
  {
    name: "Which perf it is",
    typed: ["command -v perf", "perf --version", "uname -r"],
    answer: /^\/usr\/local\/bin\/perf\nperf version (\d+\.\d+)\S*\n\1\S*\+duet-/,
  },
  {
    name: "Count events, as the developer",
    typed: [`su ${developer.user} -c 'perf stat -a -e cycles,cpu-clock,context-switches,page-faults sleep 1'`],
    answer: /(?:<not supported>|[\d,]+) +cycles\b.*\n.*cpu-clock.*\n.*\d+ +context-switches.*\n.*\d+ +page-faults/,
  },
  {
    name: "See which functions take the processors",
    typed: [load, "timeout -s INT 35 perf top --stdio -d 7", "kill $load"],
    answer: /PerfTop: +\d+ irqs\/sec +kernel: *[\d.]+%.*cpu-clock.*\n(?:.*\n)*? +[\d.]+% +\[kernel\S*\] +\[k\] \w+/,
  },
  {
    name: "See who calls them",
    typed: [load, "timeout -s INT 75 perf top --stdio -d 20 --call-graph dwarf,1024", "kill $load"],
    answer: /PerfTop: .*cpu-clock.*\n(?:.*\n)*?.*-{2,}(?:[\d.]+%-+)?\w+/,
  },
  {
    name: "Trace the system calls of a task",
    typed: [
      "dummy_task -w -t 12 /var/tmp/t >/dev/null & task=$!",
      "(sleep 5; dummy_task -n 5 /var/tmp/t >/dev/null) &",
      "timeout -s INT 10 perf trace -p $task",
      "wait $task",
    ],
    answer: /read\(fd: 3<\/dev\/duet>, .*\) += \d+\n/,
  },
  callPath,
  {
    name: "List the lines of the module at which a probe can be",
    typed: ["perf probe -m duet -L duet_handle_event:0+12"],
    answer:
      /<duet_handle_event@\S+hook\.c:0>\n +0 +noinline void duet_handle_event\(struct inode \*inode, pgoff_t index,/,
  },
  {
    name: "List the variables of the kernel that a probe can show",
    typed: ["perf probe -V __filemap_add_folio"],
    answer:
      /Available variables at __filemap_add_folio\n\s+@<__filemap_add_folio\+\d+>\n(?:.*\n)*?.*struct folio\*\s+folio/,
  },
  {
    name: "Trace the functions of the module, with ftrace",
    typed: [
      "cd /sys/kernel/tracing",
      "echo :mod:duet >set_ftrace_filter",
      "echo function_graph >current_tracer",
      "dummy_task -n 5 /var/tmp/t >/dev/null",
      "head -n 28 trace",
      "echo nop >current_tracer",
      "echo >set_ftrace_filter",
    ],
    answer: /\| +duet_handle_event(?: \[duet\])?\(\) \{\n(?:.*\n)*?.*\| +duet_task_covers(?: \[duet\])?\(\)/,
  },
  {
    name: "Set a probe by hand, with its arguments",
    typed: [
      "cd /sys/kernel/tracing",
      "echo 'p:mine duet:duet_handle_event index=$arg2:u64 pages=$arg3:u32 event=$arg4:x32' >>kprobe_events",
      "echo 1 >events/kprobes/mine/enable",
      "dummy_task -n 5 /var/tmp/t >/dev/null",
      "echo 0 >events/kprobes/mine/enable",
      "grep -m 6 -h dummy_task trace",
      "echo -:mine >>kprobe_events",
    ],
    answer: /mine: \(duet_handle_event\+0x0\/0x[0-9a-f]+ \[duet\]\) index=\d+ pages=\d+ event=0x1/,
  },
];

/** With the fragment bpf, and with bpftrace, bpftool and trace-cmd among the packages of the tools. */
export const bpfExamples: readonly Example[] = [
  {
    name: "Count what a task did, with one line of bpftrace",
    typed: [
      "bpftrace -e 'kprobe:duet_handle_event { @events[comm, arg3] = count(); }' -c 'dummy_task -n 12 /var/tmp/t' | tail",
    ],
    answer: /@events\[dummy_task, 1\]: [1-9]\d*/,
  },
  {
    name: "Look at a type of the module, which BTF has",
    typed: ["bpftool btf dump file /sys/kernel/btf/duet format c | grep -A 6 'struct duet_item {'"],
    answer: /^struct duet_item \{\n(?:.*\n)*?.* ino;/,
  },
  {
    name: "Trace functions with trace-cmd",
    typed: [
      "trace-cmd record -q -p function -l ':mod:duet' -o /var/tmp/trace.dat dummy_task -n 5 /var/tmp/t >/dev/null",
      "trace-cmd report -i /var/tmp/trace.dat | grep -m 14 dummy_task",
    ],
    answer: /dummy_task-\d+ .*duet_handle_event/,
  },
];

/** Of the events that were followed: what a guest prints, and what the host draws of it. */
const folded = foldedPaths(data);
const drawn = sh`${drawing("Events of the dummy task", "events")}`;

/** What a terminal shows in the end: perf top clears it again and again. */
function lastScreen(printed: string): string {
  const screen = printed.split("\x1b[H\x1b[2J").at(-1) ?? "";
  return stripVTControlCharacters(screen).trimEnd();
}

/** Types an example into a shell of root's in a guest, whose standard input is silent, as a terminal is. */
export async function typed(stack: TestStack, guest: string, example: Example): Promise<Shown> {
  const before = [
    "set +e; exec 2>&1 < <(exec sleep 400 2>/dev/null); silent=$!",
    "export COLUMNS=130 LINES=40; mkdir -p /var/tmp/t; duet start >/dev/null",
  ];
  const lines: Shell = { shell: [...before, ...example.typed, "kill $silent"].join("\n") };
  const printed = await stack.guest(guest, lines, 400).catch((error: Error) => {
    throw new Error(`${example.name}: ${error.message}`);
  });
  return { example, printed: lastScreen(printed) };
}

/** Draws the call paths of the events that were followed. @returns an SVG */
async function flameGraphOf(stack: TestStack, guest: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "duet-guide-"));
  try {
    const file = join(folder, "folded");
    writeFileSync(file, `${await stack.guest(guest, folded, 300)}\n`);
    return await stack.host(sh`${drawn} ${file}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What was shown of perf, and the picture that goes with it. */
export interface PerfShown {
  readonly shown: readonly Shown[];
  readonly svg: string;
}

/** Runs all of them on a guest. */
export async function perfChapter(stack: TestStack, guest: string): Promise<PerfShown> {
  const shown: Shown[] = [];
  for (const example of [...perfExamples, ...bpfExamples]) {
    shown.push(await typed(stack, guest, example));
  }
  const svg = await flameGraphOf(stack, guest);
  const example: Example = {
    name: "Draw where events come from, as a flame graph",
    typed: [folded.shell, `${drawn.shell} folded >perf.svg    # on the host`],
    answer: /<title>duet_handle_event \([\d,]+ events/,
  };
  const titles = svg.match(/<title>.*<\/title>/g) ?? [];
  return { shown: [...shown, { example, printed: titles.join("\n") }], svg };
}
