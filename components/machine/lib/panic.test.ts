import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { runLibrary, writeProgram } from "../../../test/support/run-script.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { scriptText } from "../script-text.ts";

let root: string;
beforeEach(() => {
  root = temporaryFolder("it's a console-");
});

/** The story of a console whose lines have times, as the kernel prints them, and end as a serial line's do. */
async function story(...lines: readonly string[]): Promise<string> {
  const console = join(root, "console");
  // The kernel does not wait for the end of a line.
  const text = lines.map(
    (line) =>
      `${line.startsWith("Kernel panic") ? "one login: " : ""}[   15.12]${line.startsWith("RIP") ? "[  T241]" : ""} ${line}\r\n`,
  );
  writeFileSync(console, text.join(""));
  const values = {
    uri: "test:///default",
    guest: "vm",
    console,
    tree: root,
    build: join(root, "build"),
    modules: root,
    uid: 1000,
    gid: 1000,
  };
  const stubs = { setpriv: `while [ "$1" != env ]; do shift; done; exec "$@"` };
  return (await runLibrary(scriptText(import.meta.url, "panic.sh", values), "panic_story", { stubs })).stdout;
}

const boot = "Linux version 6.1.0+duet-abc (gcc) #1 SMP";
const oops = [
  "BUG: kernel NULL pointer dereference, address: 0000000000000000",
  "#PF: supervisor write access in kernel mode",
  "Oops: 0002 [#1] PREEMPT SMP",
  "Workqueue: events duet_tick [duet]",
  "RIP: 0010:duet_tick+0x5/0x10 [duet]",
  "Call Trace:",
  " <TASK>",
  " process_one_work+0x1c0/0x3a0",
  " ? __pfx_kthread+0x10/0x10",
  "---[ end trace 0000000000000000 ]---",
];
const fatal = [
  "Kernel panic - not syncing: Fatal exception",
  "---[ end Kernel panic - not syncing: Fatal exception ]---",
];
const called = [
  "Kernel panic - not syncing: no more",
  "CPU: 1 PID: 24 Comm: kworker/1:1 Tainted: G           O       6.1.0+duet-abc #1",
  "Call Trace:",
  " dump_stack_lvl+0x34/0x48",
  " panic+0x102/0x27b",
  " ? _printk+0x48/0x4a",
  " list_add_valid+0x1/0x2",
  " duet_tick+0x5/0x10 [duet]",
  " process_one_work+0x1c0/0x3a0",
  "---[ end Kernel panic - not syncing: no more ]---",
];

describe("what became of a guest", () => {
  it("is what the kernel could not survive, and where that was", async () => {
    expect(await story(boot, ...oops, ...fatal)).toBe(`${oops[0]}; at duet_tick+0x5/0x10 [duet]`);
  });

  it("is a panic that somebody called, from where, and from where in a module", async () => {
    expect(await story(boot, ...called)).toBe("no more; at list_add_valid+0x1/0x2, from duet_tick+0x5/0x10 [duet]");
  });

  it("has no line of another kernel's than the one that was built, and says whose it is", async () => {
    const release = join(root, "build/include/config/kernel.release");
    mkdirSync(dirname(release), { recursive: true });
    writeFileSync(release, "6.1.0+duet-abc\n");
    expect(await story(boot, ...called)).toMatch(/^no more; at list_add_valid\+0x1\/0x2, from /);
    writeFileSync(release, "6.1.0+duet-other\n");
    expect(await story(boot, ...called)).toMatch(
      /^no more; at list_add_valid\S+ of kernel 6\.1\.0\+duet-abc, which is not /,
    );
  });

  it("is the last one: neither one of an earlier boot, nor an oops that was survived", async () => {
    const other = oops.map((line) => line.replaceAll("duet_tick", "other"));
    expect(await story(...other, ...fatal, boot, ...oops, ...fatal)).toContain("at duet_tick+0x5/0x10");
    expect(await story(boot, ...other, ...called)).toMatch(/^no more; at list_add_valid/);
    expect(await story(...oops, ...fatal, boot, ...fatal)).toBe("Fatal exception");
  });

  it("is known by what the kernel calls it, also with the caller's id before each line, and not by who reports it", async () => {
    const later = (...lines: readonly string[]) => story(boot, ...other, ...lines.map((line) => line));
    const other = oops.map((line) => line.replaceAll("duet_tick [duet]", "other [other]"));
    expect(await later("divide error: 0000 [#1]", ...oops.slice(4), ...fatal)).toMatch(/^divide error.*; at duet_tick/);
    expect(await later("Oops: general protection fault, 0000 [#1]", ...oops.slice(4), ...fatal)).toMatch(
      /general .*tick/,
    );
    const warning = ["WARNING: CPU: 0 PID: 1 at /m/main.c:3", "RIP: 0010:duet_warn+0x5/0x10 [duet]"];
    const set = "Kernel panic - not syncing: kernel: panic_on_warn set ...";
    expect(await later(...warning, set, ...called.slice(2))).toMatch(/^WARNING: .*; at duet_warn/);
    const hung = ["INFO: task insmod:12 blocked for more than 120 seconds.", " duet_wait+0x5/0x10 [duet]"];
    const blocked = "Kernel panic - not syncing: hung_task: blocked tasks";
    expect(await later(...hung, blocked, " watchdog+0x1/0x2", " panic+0x1/0x2")).toMatch(
      /^INFO: task .*; at duet_wait/,
    );
    const bug = ["kernel BUG at /m/main.c:42!", "invalid opcode: 0000 [#1] PREEMPT SMP", ...oops.slice(4)];
    expect(await later(...bug, ...fatal)).toMatch(/^kernel BUG at \/m\/main\.c:42!; at duet_tick/);
    const frames = called.map((line) => line.replace("duet_tick", "watchdog_fire"));
    expect(await later(...frames)).toMatch(/^no more; .*from watchdog_fire/);
    expect(await later("Kernel panic - not syncing: Attempted to kill init!", ...called.slice(2))).toMatch(
      /^Attempted/,
    );
  });

  it("is what KASAN or lockdep found, and where that was, not who looked, nor where else a lock was taken", async () => {
    const kasan = [
      "BUG: KASAN: use-after-free in duet_tick+0x5/0x10 [duet]",
      "Write of size 4 at addr ffff888005a4d000 by task sh/200",
      "CPU: 0 PID: 200 Comm: sh Tainted: G           O       6.1.0+duet-abc #1",
      "Call Trace:",
      " dump_stack_lvl+0x34/0x48",
      " print_address_description.constprop.0+0x1/0x2",
      " print_report+0x1/0x2",
      " kasan_report+0x1/0x2",
      " duet_tick+0x5/0x10 [duet]",
      "Allocated by task 200:",
      " duet_start+0x5/0x10 [duet]",
      "Kernel panic - not syncing: kasan.fault=panic set ...",
      " dump_stack_lvl+0x34/0x48",
      " panic+0x1/0x2",
    ];
    expect(await story(boot, ...kasan)).toBe(`${kasan[0]}; at duet_tick+0x5/0x10 [duet]`);
    const circle = [
      "WARNING: possible circular locking dependency detected",
      "-> #1 (duet_one){+.+.}-{3:3}:",
      "       lock_acquire+0x1/0x2",
      "       duet_before+0x5/0x10 [duet]",
      "stack backtrace:",
      "CPU: 0 PID: 200 Comm: sh Tainted: G           O       6.1.0+duet-abc #1",
      " dump_stack_lvl+0x34/0x48",
      " check_noncircular+0x1/0x2",
      " __lock_acquire+0x1/0x2",
      " __mutex_lock+0x1/0x2",
      " duet_after+0x5/0x10 [duet]",
    ];
    expect(await story(...circle)).toBe(`${circle[0]}; at duet_after+0x5/0x10 [duet]`);
  });

  it("has file and line, if the sources know how: a module's from its object, by the offset alone", async () => {
    writeFileSync(join(root, "duet.ko"), "");
    const lines = `case "$*" in "$ROOT/build/vmlinux list_add_valid+0x0/0x2") echo "list_add_valid at lib/list.c:9" ;;
"$ROOT/duet.ko duet_tick+0x4") echo "duet_tick at /m/main.c:7" ;;
"$ROOT/duet.ko duet_tick+0x5") echo "duet_tick at /m/main.c:8" ;; *) exit 1 ;; esac`;
    writeProgram(join(root, "scripts/faddr2line"), `ROOT=\${0%/scripts/*}\necho "$2:"\n${lines}`);
    expect(await story(boot, ...called)).toBe(
      "no more; at list_add_valid (lib/list.c:9), from duet_tick (/m/main.c:7) [duet]",
    );
    expect(await story(boot, ...oops, ...fatal)).toContain("; at duet_tick (/m/main.c:8) [duet]");
  });
});

describe("a guest", () => {
  const panicked = async (text: string, state: string) => {
    const console = join(root, "console");
    writeFileSync(console, text);
    const values = { uri: "test:///default", guest: "vm", console, tree: root, build: "/b", modules: root };
    const library = scriptText(import.meta.url, "panic.sh", { ...values, uid: 1000, gid: 1000 });
    const stubs = { virsh: `[ "$4 $6" = 'domstate vm' ] && echo '${state}'` };
    return (await runLibrary(library, "panicked", { stubs })).code === 0;
  };
  const last = "---[ end Kernel panic - not syncing: gone ]---\n";

  it("has panicked if its console ends so, or if QEMU has stopped it on the way there", async () => {
    expect(await panicked(last, "running")).toBe(true);
    expect(await panicked("Kernel panic - not syncing: gone\nCall Trace:\n", "crashed")).toBe(true);
    expect(await panicked(`Kernel panic - not syncing: gone\n${last}\n\n\n\n\n`, "running")).toBe(false);
    expect(await panicked("login:\n", "running")).toBe(false);
  });
});
