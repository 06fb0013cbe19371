/** duetctl at a stack that stands: each verb once, as a person types it. */
import { join } from "node:path";
import { type Shell, sh } from "../../components/index.ts";
import { project } from "../../launcher/project.ts";
import { demand } from "./checks.ts";
import type { Guest, TestStack } from "./stack.ts";

/** What pulumi says at the end if there was nothing to do. */
const onlyUnchanged = /^Resources:\n {4}\d+ unchanged$(?!\n {4})/m;

/** The verbs that change nothing, and up, which changes nothing at a stack that stands. */
export async function takesVerbs(stack: TestStack, { name, kernelRelease, address }: Guest): Promise<void> {
  const ctl = (...words: readonly string[]): Shell =>
    sh`${join(project, "bin/duetctl")} ${words} --stack ${stack.name}`;
  const told = JSON.parse(await stack.host(ctl("status", "--json")));
  const guest = told.guests.find((one: { name: string }) => one.name === name);
  demand(`the state of ${name}`, guest.state, "running");
  demand(`the kernel that runs in ${name}`, guest.kernel, kernelRelease);
  demand(`the module that is loaded in ${name}`, guest.module, told.module.buildId);
  demand(
    "what is told to a person",
    await stack.host(ctl("status")),
    new RegExp(`^guest ${name}: running\n  address  ${address}$`, "m"),
  );
  demand("a command in a guest", await stack.host(sh`${ctl("ssh", name)} -- uname -r`), kernelRelease);
  const batch = sh`${ctl("gdb", name)} -- -batch -ex ${"whatis ((struct task_struct *)0)->pid"} </dev/null 2>&1`;
  demand("gdb", await stack.host(batch, 180), /^type = pid_t$/m);
  // libvirt calls a guest paused after each gdb.
  if ((await stack.virsh("domstate", name)) === "paused") {
    await stack.virsh("resume", name);
  }
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
