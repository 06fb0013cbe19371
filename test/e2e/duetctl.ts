/** duetctl at a stack that stands: each verb once, as a person types it. */
import { join } from "node:path";
import { type Shell, sh } from "../../components/index.ts";
import { project } from "../../launcher/project.ts";
import { demand } from "./checks.ts";
import type { Guest, TestStack } from "./stack.ts";

/** What pulumi says at the end if there was nothing to do. */
const onlyUnchanged = /^Resources:\n {4}\d+ unchanged$(?!\n {4})/m;

type Ctl = (...words: readonly string[]) => Shell;

/** The verbs that change nothing, and up, which changes nothing at a stack that stands. */
export async function takesVerbs(stack: TestStack, { name, kernelRelease, address }: Guest): Promise<void> {
  const ctl: Ctl = (...words) => sh`${join(project, "bin/duetctl")} ${words} --stack ${stack.name}`;
  const told = JSON.parse(await stack.host(ctl("status", "--json")));
  const guest = told.guests.find((one: { name: string }) => one.name === name);
  demand(`the state of ${name}`, guest.state, "running");
  demand(`the kernel that runs in ${name}`, guest.kernel, kernelRelease);
  demand(`the module that is loaded in ${name}`, guest.module, told.builds[0].module);
  const crashes = JSON.parse(await stack.host(ctl("crash", name, "--list", "--json")));
  demand(`the last crash of ${name}`, JSON.stringify(guest.lastCrash), JSON.stringify(crashes.at(-1) ?? null));
  demand(
    "what is told to a person",
    await stack.host(ctl("status")),
    new RegExp(`^guest ${name}: running\n  address  ${address}$`, "m"),
  );
  demand("the drawing", await stack.host(ctl("graph")), new RegExp(`^<svg .*>guest ${name}</text>.*</svg>$`, "s"));
  demand("a command in a guest", await stack.host(sh`${ctl("ssh", name)} -- uname -r`), kernelRelease);
  const batch = sh`${ctl("gdb", name)} -- -batch -ex ${"whatis ((struct task_struct *)0)->pid"} </dev/null 2>&1`;
  demand("gdb", await stack.host(batch, 180), /^type = pid_t$/m);
  // libvirt calls a guest paused after each gdb.
  if ((await stack.virsh("domstate", name)) === "paused") {
    await stack.virsh("resume", name);
  }
  await keepsMemory(stack, ctl, name, kernelRelease);
  await drawsTime(stack, ctl, name);
  demand("the log of the console", await stack.host(ctl("logs", name, "-n", "300")), / login:/);
  demand("the log of the build", await stack.host(ctl("logs", "--of", "build", "-n", "5")), /\S/);
  // The terminal takes what is typed once virsh has made it its own.
  const typed = sh`(for _ in 1 2 3 4 5; do sleep 2; printf '\r'; done; sleep 1; printf '\035') | script -qec ${ctl("console", name).shell} /dev/null`;
  demand("the console", await stack.host(typed), /Connected to domain.*login:/s);
  demand("preview", await stack.host(ctl("preview")), onlyUnchanged);
  demand("up", await stack.host(ctl("up"), 600), onlyUnchanged);
  const watched = sh`timeout -s INT 15 ${ctl("watch")} || true`;
  demand("watch", await stack.host(watched), /watches \S+ and \S+ for one, two; Ctrl-C ends it/);
  demand("doctor", await stack.host(sh`${ctl("doctor")} || true`), /^ok /m);
  // Down, off, to <Exit>, and yes: save it.
  const keys = sh`(sleep 5; printf '\033OB'; sleep 1; printf n; sleep 1; printf '\t'; sleep 1; printf '\r'; sleep 1; printf '\r'; sleep 4)`;
  const menus = sh`TERM=xterm timeout 60 script -qec ${ctl("config", "--print").shell} /dev/null`;
  const changed = await stack.host(sh`${keys} | ${menus}`, 120);
  demand("the menus", changed, /Kernel Configuration/);
  demand("what was changed in them", changed, /^(?:# CONFIG_\w+ is not set|CONFIG_\w+=\S+)\r$/m);
}

/** Dumps of a guest that runs and of one that stands still, each of which goes on so; and gdb at the last one. */
async function keepsMemory(stack: TestStack, ctl: Ctl, name: string, kernelRelease: string): Promise<void> {
  for (const state of ["running", "paused"]) {
    if (state === "paused") {
      await stack.virsh("suspend", name);
    }
    const [folder = ""] = (await stack.host(ctl("dump", name), 360)).split("\n");
    demand(`the state of ${name} after a dump`, await stack.virsh("domstate", name), state);
    demand("the size of a dump", await stack.host(sh`stat -c %s ${join(folder, "memory.kdump")}`), /^\d{7,}$/);
  }
  await stack.virsh("resume", name);
  demand(`${name} after its dumps`, await stack.guest(name, sh`echo there`), "there");
  const asked = sh`-batch -ex ${"print init_uts_ns.name.release"} -ex ${"info line duet_handle_event"}`;
  const shown = await stack.host(sh`${ctl("gdb", name, "--dump")} -- ${asked} </dev/null 2>&1`, 360);
  demand("the kernel in a dump", shown, new RegExp(`= "${kernelRelease.replaceAll(/[.+]/g, "\\$&")}"`));
  demand("a function of the module in a dump", shown, /^Line \d+ of "\S*hook\.c" (?:starts|is) at address/m);
}

/** perf by its words, and where the time goes in a command. */
async function drawsTime(stack: TestStack, ctl: Ctl, name: string): Promise<void> {
  demand("perf", await stack.host(sh`${ctl("perf", name)} -- --version </dev/null`), /^perf version \d/);
  const file = join(stack.folder, "flame-graph.svg");
  const command = sh`dd if=/dev/zero of=/dev/null bs=64k count=2000`;
  await stack.host(sh`${ctl("perf", "--flame-graph", file, name)} -- ${command} </dev/null`, 360);
  demand("the flame graph", await stack.host(sh`cat ${file}`), /<title>dd \([\d,]+ samples/);
  await stack.host(sh`rm -- ${file}`);
}
