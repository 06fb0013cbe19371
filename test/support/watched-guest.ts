/** A guest on a host of a test's own, and the watcher of its crashes. */
import { spawn } from "node:child_process";
import { appendFileSync, chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scriptText } from "../../components/machine/script-text.ts";
import { sh } from "../../components/machine/shell.ts";
import { writeProgram } from "./run-script.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** By which the scripts of components/crash are found. */
const watcherModule = new URL("../../components/crash/crash-reports.ts", import.meta.url).href;

let root: string;
/** Makes one for the test that is about to run. */
export function beginGuest(): void {
  root = temporaryFolder("it's a watcher-");
  host();
}

/** A path in its folder. */
export const at = (...names: readonly string[]) => join(root, ...names);
/** What a file there holds. */
export const text = (...names: readonly string[]) => readFileSync(at(...names), "utf8");
/** What libvirt and drgn were asked. */
export const calls = () => (existsSync(at("calls")) ? text("calls") : "");

/** A guest that runs, in a libvirt that notes what it is asked for, on a disk with so many KiB free. */
export function host({ free = 9e9, fails = false } = {}): void {
  for (const name of ["build", "modules", "watch", "reports", "tree/.git", "drgn/bin"]) {
    mkdirSync(at(name), { recursive: true });
  }
  writeFileSync(at("console"), "login:\n");
  writeFileSync(at("state"), "running\n");
  writeFileSync(at("build/vmlinux"), "symbols");
  writeFileSync(at("modules/duet.ko"), "module");
  const virsh = sh`cd ${root}; [ "$1 $2 $3" = '-q -c qemu:///system' ] || exit 9; shift 3
case $1 in
  domstate) cat state ;;
  dominfo) printf 'Id: 1\nMax memory:     1048576 KiB\n' ;;
  dump) echo "$1 $2 $3 $4" >>calls; for file; do :; done; echo dumped >"$file"
    ${{ shell: fails ? "echo 'error: Failed to core dump domain: No space left on device' >&2; exit 1" : ":" }} ;;
  event) exec sleep 60 ;;
  *) echo "$1 $3" >>calls; echo running >state ;;
esac`;
  writeProgram(at("bin/virsh"), virsh.shell, "/bin/bash");
  writeProgram(at("bin/df"), `printf 'Avail\\n${free}\\n'`);
  // Who becomes the developer is who runs the test; and in the place of drgn is who tells what it was given.
  writeProgram(at("bin/setpriv"), `while [ "$1" != env ]; do shift; done; exec "$@"`);
  writeProgram(at("bin/unshare"), `while [ "$1" != timeout ]; do shift; done; exec "$@"`);
  writeProgram(at("bin/timeout"), `while [ "\${1#[-0-9]}" != "$1" ]; do shift; done; exec "$@"`);
  writeProgram(at("bin/sleep"), `exec /bin/sleep "$([ "$1" = 60 ] && echo 60 || echo 0.1)"`);
  writeProgram(at("drgn/bin/python"), "");
  const drgn = sh`printf '## The task\n\n    dd, pid %s\n\n' "$5"; cat <&3 >>${at("calls")}; tr -d '\r' <${at("console")} >&4`;
  writeProgram(at("bin/mktemp"), sh`mkdir -p ${at("mounted/bin")}; echo ${at("mounted")}`.shell);
  writeProgram(at("bin/rmdir"), "");
  writeProgram(at("mounted/bin/python"), drgn.shell, "/bin/bash");
}

/** Writes its watcher. @returns its path */
export function watcher(change: Readonly<Record<string, string | number>> = {}): string {
  const script = scriptText(watcherModule, "watch.sh", {
    ...{ uri: "qemu:///system", guest: "o'dev", console: at("console"), uid: process.getuid?.() ?? 0 },
    ...{ gid: process.getgid?.() ?? 0, tree: at("tree"), build: at("build"), modules: at("modules") },
    ...{ watch: at("watch"), reports: at("reports"), after: "stay", dumps: 2, space: 1, drgn: at("drgn") },
    ...{
      program: "program",
      core_program: "core",
      gdb_program: `#!/bin/bash\n${scriptText(watcherModule, "gdb.sh", { drgn: at("drgn") })}`,
      spec: '{ "host": "<b>" }',
      trees: [at("tree")],
      gdb: "/it/is.gdb.sh",
    },
    page: readFileSync(new URL("html.awk", watcherModule), "utf8"),
    ...change,
  });
  writeFileSync(at("duet-watch"), `#!/bin/bash\n${script}`);
  chmodSync(at("duet-watch"), 0o755);
  return at("duet-watch");
}

/** With the programs of that host. */
export const environment = () => ({ ...process.env, PATH: `${at("bin")}:${process.env.PATH}` });
/** Has the watcher do something once. @returns how it ended, and what it said */
export function once(
  verb: "collect" | "dump",
  change: Readonly<Record<string, string | number>> = {},
): Promise<{ readonly code: number | null; readonly said: string }> {
  const child = spawn(watcher(change), [verb], { env: environment(), stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      said += data;
    });
  }
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, said })));
}

/** Names of the folders of what is kept, the oldest first. */
export const reports = () =>
  readdirSync(at("reports"))
    .filter((name) => !name.startsWith("."))
    .sort();
/** What a file of the last of them holds. */
export const lastReport = (file = "report.txt") => text("reports", reports().at(-1) ?? "", file);

/** What a console has of an oops that is a panic, at so many seconds. QEMU stops the guest before the very last line. */
export const oops = (seconds = 12.5) =>
  [
    "BUG: kernel NULL pointer dereference, address: 0000000000000000",
    "CPU: 1 PID: 241 Comm: dd Tainted: G           O       6.1.0 #1",
    "RIP: 0010:duet_tick+0x5/0x10 [duet]",
    "Kernel panic - not syncing: Fatal exception",
  ]
    .map((line) => `[   ${seconds}] ${line}\r\n`)
    .join("");
/** Has the guest say something, and be in a state. */
export const crash = (said: string, state = "crashed") => {
  appendFileSync(at("console"), said);
  writeFileSync(at("state"), `${state}\n`);
};
