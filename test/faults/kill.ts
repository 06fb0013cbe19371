import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { sh } from "../../components/index.ts";
import { type SandboxProcess, until } from "../../sandbox/processes.ts";
import { demand } from "../e2e/checks.ts";
import { difference, snapshot } from "../e2e/snapshot.ts";
import { type Command, shared } from "../e2e/stack.ts";
import { lines } from "../support/lines.ts";
import { removeCommands } from "./host.ts";
import type { Fault, Place } from "./run.ts";

/** What may be killed, and how it is known among the processes of the embedded host. */
type Victim = (process: SandboxProcess) => boolean;

export const named =
  (wanted: string): Victim =>
  ({ name }) =>
    name === wanted;

/** Pulumi's plugins, and the project's own. Node calls its main thread by another name than its program. */
const plugin: Victim = ({ pid, name }) =>
  /^(?:pulumi-resource|terraform-provi|pulumi-language)$/.test(name) || wordsOf(pid).includes("/provider/main.ts");

function wordsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/**
 * Sends one process a signal at a random moment of a pulumi command, and waits for what that comes to.
 *
 * @param longest seconds, from the start of pulumi itself, within which the moment lies
 * @returns whether there was a process to signal before the command was over
 */
export async function signalDuring(
  place: Place,
  command: Command,
  victim: Victim,
  longest: number,
  signal: "SIGKILL" | "SIGINT" = "SIGKILL",
): Promise<boolean> {
  const { stack, random } = place;
  const moment = random.between(0, longest);
  let isOver = false;
  const ended = stack.attempt(command).finally(() => {
    isOver = true;
  });
  const present = (is: Victim) => stack.processes().filter(is);
  const appears = (is: Victim) => until(10 * 60_000, () => isOver || present(is).length > 0);
  await appears(named("pulumi"));
  await Promise.race([sleep(moment * 1000), ended]);
  await appears(victim);
  const all = isOver ? [] : present(victim);
  if (all.length > 0) {
    const { pid, name } = random.pick(all);
    place.say(`${signal} to ${name} (pid ${pid}) ${moment.toFixed(1)} s into ${command}`);
    process.kill(pid, signal);
  }
  await ended;
  return all.length > 0;
}

/** Gives `up` some seconds of work on both sides: a package, a mount, a module, and the proof. */
export async function makeWork({ stack, guest }: Place): Promise<void> {
  await stack.host(removeCommands(stack, guest));
  await stack.guest(
    guest,
    lines(
      sh`duet stop >/dev/null || true; if [ -d /sys/module/duet ]; then rmmod duet; fi`,
      sh`dpkg -r --force-depends make >/dev/null 2>&1`,
      sh`umount -l ${shared} || true`,
    ),
  );
}

/** `up` loses a process while it has work to do. */
function killedInUp(what: string, victim: Victim): Fault {
  return {
    name: `${what} killed while up runs`,
    cheap: false,
    apply: async (place) => {
      await makeWork(place);
      // An `up` that was over before the moment came has repaired everything: the next moment is an earlier one.
      for (let longest = 12; !(await signalDuring(place, "up", victim, longest)); longest /= 2) {
        demand(`something to kill within ${longest} s of up`, longest > 0.2 ? "yes" : "none", "yes");
        await place.stack.run("up");
        await makeWork(place);
      }
    },
  };
}

/** Destroys the stack, and compares what is left with what was there before it. */
async function destroyWhole({ stack, before }: Place): Promise<void> {
  await stack.run("destroy");
  const left = difference(before, snapshot(process.env));
  demand("what destroy has not given back", left.join("; "), "");
}

/** `destroy` loses a process while it is at work; the next one finishes it. */
function killedInDestroy(what: string, victim: Victim): Fault {
  return {
    name: `${what} killed while destroy runs`,
    cheap: false,
    apply: async (place) => {
      await signalDuring(place, "destroy", victim, 8);
      await destroyWhole(place);
    },
  };
}

const editedSource = `${shared}/duet-module/main.c`;
const userEdit = "/* a line of the user's */";

/** Ends the user's edit. */
async function takeBackEdit({ stack }: Place): Promise<void> {
  await stack.host(sh`if [ "$(tail -n 1 ${editedSource})" = ${userEdit} ]; then sed -i '$d' ${editedSource}; fi`);
}

const destroyFaults: readonly Fault[] = [
  killedInDestroy("Pulumi", named("pulumi")),
  killedInDestroy("a plugin", plugin),
  killedInDestroy("libvirtd", named("libvirtd")),
  killedInDestroy("the NFS server", named("ganesha.nfsd")),
  killedInDestroy("QEMU", named("qemu-system-x86")),
  {
    name: "destroyed twice, with the guest already gone",
    cheap: false,
    apply: async (place) => {
      const { stack, guest } = place;
      await stack.virsh("destroy", guest);
      await stack.virsh("undefine", guest);
      await destroyWhole(place);
      await destroyWhole(place);
    },
  },
  {
    name: "destroyed beside an edit of the user's",
    cheap: false,
    apply: async (place) => {
      const { stack } = place;
      await stack.host(sh`echo ${userEdit} >>${editedSource}`);
      await stack.run("destroy");
      demand("the end of a source that a user edited", await stack.host(sh`tail -n 1 ${editedSource}`), userEdit);
      await takeBackEdit(place);
      await destroyWhole(place);
    },
    restore: takeBackEdit,
  },
];

/** What is killed, and what befalls a destroy. */
export const killFaults: readonly Fault[] = [
  killedInUp("Pulumi", named("pulumi")),
  killedInUp("a plugin", plugin),
  killedInUp("libvirtd", named("libvirtd")),
  killedInUp("the NFS server", named("ganesha.nfsd")),
  killedInUp("QEMU", named("qemu-system-x86")),
  ...destroyFaults,
];
