/**
 * What a converged environment shows, each asked of what runs. The end-to-end test asks it once, and the fault runner
 * after each fault. A check throws with one line that says what was expected and what was found, and leaves nothing.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Shell, sh } from "../../components/index.ts";
import { scriptText } from "../../components/machine/script.ts";
import { processName, until } from "../../sandbox/processes.ts";
import { type ConsoleAccess, developer, type Guest, shared, type TestStack } from "./stack.ts";

/** @throws unless the text is as expected: all of it, or a part that matches. */
export function demand(what: string, found: string, expected: string | RegExp): void {
  if (typeof expected === "string" ? found !== expected : !expected.test(found)) {
    const shown = found.length > 600 ? `…${found.slice(-600)}` : found;
    throw new Error(`${what}: expected ${expected}, found ${JSON.stringify(shown)}`);
  }
}

/** What a stack's module and tools call what is looked for. */
export interface Names {
  /** The function of the module that each event passes. */
  readonly hook: string;
  /** The program that makes events, and prints them. */
  readonly task: string;
}

export const ofSamples: Names = { hook: "duet_handle_event", task: "dummy_task" };

type Check = (stack: TestStack, guest: Guest, names: Names) => Promise<void>;

async function runsItsKernel(stack: TestStack, { name, kernelRelease }: Guest): Promise<void> {
  demand("the kernel of the output", kernelRelease, /\+duet-[0-9a-f]{12}$/);
  demand(`the kernel of ${name}`, await stack.guest(name, sh`uname -r`), kernelRelease);
  demand(`the host name of ${name}`, await stack.guest(name, sh`hostname`), name);
  // So that its console moves during a boot, which is waited for as long as it does.
  const level = await stack.guest(name, sh`cut -f 1 /proc/sys/kernel/printk`);
  demand(`the level of the messages on the console of ${name}`, level, "7");
}

async function sharesTheSources(stack: TestStack, { name }: Guest): Promise<void> {
  const { user, uid } = developer;
  const [byGuest, byHost] = [`${shared}/by-guest-${name}`, `${shared}/by-host-${name}`];
  try {
    const mounted = await stack.guest(name, sh`findmnt -no FSTYPE,TARGET ${shared}`);
    demand(`the mount of ${name}`, mounted, new RegExp(`^nfs4\\s+${shared}$`));
    await stack.guest(name, sh`su ${user} -c ${sh`touch ${byGuest}`.shell}`);
    const onHost = await stack.host(sh`stat -c %u:%g ${byGuest}`);
    demand(`the owner on the host of a file made in ${name}`, onHost, `${uid}:${uid}`);
    await stack.host(sh`setpriv --reuid ${uid} --regid ${uid} --clear-groups touch ${byHost}`);
    const inGuest = await stack.guest(name, sh`stat -c %U:%g ${byHost}`);
    demand(`the owner in ${name} of a file made on the host`, inGuest, `${user}:${uid}`);
  } finally {
    await stack.host(sh`rm -f -- ${byGuest} ${byHost}`);
  }
}

async function squashesRoot(stack: TestStack, { name }: Guest): Promise<void> {
  const file = `${shared}/by-root-of-${name}`;
  const said = await stack.guest(name, sh`touch ${file} 2>&1 && rm ${file} && echo allowed || true`);
  demand(`root of ${name} in the sources`, said, /Permission denied/);
}

async function getsEvents(stack: TestStack, { name }: Guest, { task }: Names): Promise<void> {
  demand(`the modules of ${name}`, await stack.guest(name, sh`lsmod`), /^duet\s/m);
  const printed = await stack.guest(name, sh`duet start; mkdir -p /var/tmp/t; ${task} -n 5 -t 30 /var/tmp/t`);
  demand(`the events of ${name}`, printed, /^added inode \d+ .* path \/var\/tmp\/t\/\S+/m);
}

const makeEvents = (task: string): Shell => ({ shell: scriptText(import.meta.url, "make-events.sh", { task }) });

/** A session of a developer: stop at an event, look at it and its local variables, let the guest go. */
const gdbSession = (hook: string) => `set pagination off
set width 0
set confirm off
python import os; print("gdb of", os.getuid())
apropos lx
whatis ((struct task_struct *)0)->pid
break ${hook}
continue
bt 4
delete
next
next
info locals
detach
quit
`;

/** Runs the printed gdb command with more commands behind those that attach. @returns what gdb printed. */
export async function runGdb(stack: TestStack, { gdbCommand }: Guest, commands: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "duet-gdb-"));
  // gdb is the developer's.
  chmodSync(folder, 0o755);
  const script = join(folder, "session");
  writeFileSync(script, commands);
  try {
    const gdb: Shell = { shell: gdbCommand };
    return await stack.host(sh`${gdb} -x ${script} </dev/null 2>&1 || true`, 180);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Sets a breakpoint in the module, sees it hit with types and lines, and lets the guest go on. */
export async function stopsInGdb(stack: TestStack, guest: Guest, { hook, task }: Names): Promise<void> {
  const { name } = guest;
  await whileEventsHappen(stack, name, task, async () => {
    const printed = await runGdb(stack, guest, gdbSession(hook));
    demand(`whose gdb attaches to ${name}`, printed, new RegExp(`^gdb of ${developer.uid}$`, "m"));
    demand(`the kernel's commands in gdb`, printed, /^lx-symbols -- /m);
    demand(`a type of the kernel's in gdb`, printed, /^type = pid_t$/m);
    const stopped = new RegExp(String.raw`Breakpoint 1, ${hook} \(.*\) at \S*duet-module/\w+\.c:\d+`, "s");
    demand(`gdb in ${name}`, printed, stopped);
    demand(`the stack of ${name} in gdb`, printed, /^#1 .* at \S+\.[ch]:\d+/m);
    demand(`the locals of ${name} in gdb`, printed, /^ino = \d+/m);
  });
}

/** Has a guest make events while a debugger is at work, after which it has to be alive. */
export async function whileEventsHappen(
  stack: TestStack,
  name: string,
  task: string,
  debug: () => Promise<void>,
): Promise<void> {
  const seen = () => stack.guestAnew(name, sh`touch /run/duet-seen; echo alive`, 60);
  const events = stack.guest(name, makeEvents(task), 400).catch((error: Error) => error.message);
  try {
    await debug();
    demand(`${name} after a debugger`, await seen(), "alive");
    demand(`the events of ${name} beside a debugger`, await events, "");
  } finally {
    // libvirt calls a guest paused after each gdb. That is drift, which has a fault of its own.
    if ((await stack.virsh("domstate", name)) === "paused") {
      await stack.virsh("resume", name);
    }
    await seen().catch(() => {});
  }
}

async function listensToNobodyElse(stack: TestStack, { name, address, gdbPort }: Guest): Promise<void> {
  // An IPv4 address on a socket of IPv6 is an IPv4 address.
  const plain = (local: string): string => local.replace(/^\[::ffff:([\d.]+)\]/, "$1");
  const listening = (await stack.inside(sh`ss -Hltn`)).split("\n").map((line) => plain(line.split(/\s+/)[3] ?? ""));
  const onPort = (port: number): string => listening.filter((other) => other.endsWith(`:${port}`)).join(" ");
  const bridge = address.replace(/\.\d+$/, ".1");
  demand(`where the stub of ${name} listens`, onPort(gdbPort), `127.0.0.1:${gdbPort}`);
  // Each stack has a server of its own.
  demand("where NFS servers listen", onPort(2049), /^192\.168\.\d+\.1:2049(?: 192\.168\.\d+\.1:2049)*$/);
  demand(
    "where the NFS server listens",
    onPort(2049)
      .split(" ")
      .find((at) => at === `${bridge}:2049`) ?? "",
    `${bridge}:2049`,
  );
  const connect = sh`timeout 5 bash -c ${`</dev/tcp/${bridge}/${gdbPort}`} 2>/dev/null && echo reached || echo refused`;
  demand(`the stub of ${name}, asked on the bridge`, await stack.guest(name, connect), "refused");
}

async function keepsItsKeys(stack: TestStack, { name }: Guest): Promise<void> {
  const own = `${stack.folder}/${name}`;
  const modes = await stack.host(sh`stat -c %a -- ${[stack.folder, own]}`);
  demand(`the modes of the folders with the keys of ${name}`, modes, "700\n700");
  for (const key of ["client", "host"]) {
    // On standard input of grep, or its own command line would be the first to have the key.
    const found = sh`sed -n 3p ${`${own}/${key}`} | { grep -raslFf - -- ${stack.backend} /proc/[0-9]*/cmdline || true; }`;
    demand(`where the ${key} key of ${name} can be read`, await stack.host(found), "");
  }
}

/** How the web console is opened. @throws if the stack has none */
export function consoleOf({ webConsole }: TestStack): ConsoleAccess {
  if (webConsole === undefined) {
    throw new Error("the web console in the stack's output: expected its address, found none");
  }
  return webConsole;
}

const basic = ({ user }: ConsoleAccess, password: string): HeadersInit => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
});

/** The status of the web console's answer to a login. Defaults to one with its password, which gets a session. */
export async function logsIn(web: ConsoleAccess, headers = basic(web, web.password)): Promise<number> {
  return (await fetch(`${web.address}/cockpit/login`, { headers })).status;
}

async function guardsItsConsole(stack: TestStack): Promise<void> {
  const web = consoleOf(stack);
  const tried = [{}, basic(web, ""), basic(web, "x"), { authorization: `Bearer ${web.password}` }];
  const answers = await Promise.all(tried.map((headers) => logsIn(web, headers)));
  demand("the web console's answers to whoever has no password", answers.join(" "), "401 401 401 401");
  const { host, port } = new URL(web.address);
  demand(
    "where the web console listens",
    await stack.host(sh`ss -Hltn ${`sport = :${port}`} | awk '{ print $4 }'`),
    host,
  );
  const own = `${stack.folder}/web-console`;
  const account = await stack.host(sh`ps -o user:32= -p "$(cat ${`${own}/server.pid`})"`);
  demand("the account of cockpit-ws", account, "cockpit-wsinstance");
  const found = sh`grep -raslFf - -- ${stack.backend} ${stack.paths.runDirectory} /proc/[0-9]*/cmdline`;
  const readable = await stack.host(sh`{ ${found} || true; } <${`${own}/password`}`);
  demand("where the web console's password can be read", readable, "");
}

/** What runs in the embedded host while nobody works there; ssh is the connection that commands share. */
const lasting = /^(?:libvirtd|qemu-system-x86|dnsmasq|ganesha\.nfsd|cockpit-ws|systemd-socket-|ssh)$/;

/** Whether a watcher of crashes has started it: its group is the watcher's. Source: proc(5), pgrp, field 5 of stat. */
function isWatchers(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const group = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
    return processName(group) === "duet-watch";
  } catch {
    // It has ended.
    return true;
  }
}

export async function leavesNoProcess(stack: TestStack): Promise<void> {
  const others = () => stack.processes().filter(({ name, pid }) => !lasting.test(name) && !isWatchers(pid));
  // A plugin needs a moment to see that its engine is gone.
  await until(15_000, () => others().length === 0);
  const left = others().map(({ name, pid }) => `${name} (pid ${pid})`);
  demand("processes that an earlier command left in the embedded host", left.join(", "), "");
}

/** Each check of a guest, with what the environment shows by it. */
export const checks: readonly (readonly [claim: string, check: Check])[] = [
  ["runs the kernel that it built", runsItsKernel],
  ["has the sources at the same path, owned by the same person on both sides", sharesTheSources],
  ["squashes the guests' root", squashesRoot],
  ["has the module loaded and the tools at work", getsEvents],
  ["lets gdb, attached as printed, stop in the module with file, line and a local variable", stopsInGdb],
  ["lets nobody else reach stub and NFS server", listensToNobodyElse],
  ["has the keys of its guests in no state, and on no command line", keepsItsKeys],
  ["has its web console on loopback alone, for whoever has the password", guardsItsConsole],
  ["has no process left that an earlier command started", leavesNoProcess],
];

/**
 * All of them, one after the other.
 *
 * @param guests those that are asked. Defaults to all of the stack.
 * @param names defaults to those of the samples
 * @throws with the claim that does not hold, and why
 */
export async function checkAll(stack: TestStack, guests = stack.guests, names = ofSamples): Promise<void> {
  demand(
    "the guests of the stack's output",
    stack.guests.map(({ name }) => name).join(" "),
    stack.guestNames.join(" "),
  );
  for (const [claim, check] of checks) {
    for (const guest of guests) {
      await check(stack, guest, names).catch((error: Error) => {
        throw new Error(`it is not true that the environment ${claim}: ${error.message}`);
      });
    }
  }
}
