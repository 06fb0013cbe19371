import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { scriptText } from "../components/machine/script-text.ts";
import { type Crash, crashesOf } from "./crash.ts";
import { printed } from "./hand-over.ts";
import type { Standing } from "./standing.ts";

/** Milliseconds that each question may take: all are asked at once, and a guest that gdb has stopped never answers. */
const patience = 4000;

/** What a machine was found to be. */
export interface GuestStatus {
  readonly name: string;
  readonly address: string;
  /** What libvirt calls it: "running", "paused", "shut off"; undefined if libvirt does not answer, or does not know it. */
  readonly state: string | undefined;
  /** What gdb's `target remote` takes. */
  readonly stub: string;
  /** Who is attached there: a debugger by name and pid. Undefined if nobody is. */
  readonly debugger: string | undefined;
  /** Name of its kernel among the stack's; undefined if the stack has one. */
  readonly kernelName: string | undefined;
  /** The kernel that runs; undefined if the guest does not answer. */
  readonly kernel: string | undefined;
  /** The build id of the module that is loaded; empty if none is, undefined if the guest does not answer. */
  readonly module: string | undefined;
  readonly console: {
    readonly file: string;
    /** When it was last written to. Undefined if there is none, or it may not be seen. */
    readonly written: Date | undefined;
  };
  /** Null if none is written down. */
  readonly lastCrash: Crash | null;
  readonly sshCommand: string;
  readonly gdbCommand: string;
}

/** Asks libvirt, the stubs and the guests of a stack, all at once and none for long. */
export async function look(stack: Standing): Promise<readonly GuestStatus[]> {
  const { guests, uri, enter } = stack;
  const running = scriptText(import.meta.url, "running.sh", { module: stack.module.replaceAll("-", "_") });
  const [states, debuggers, inside] = await Promise.all([
    statesAt(uri),
    attached(
      enter,
      guests.map(({ stub }) => stub),
    ),
    Promise.all(guests.map(({ sshCommand }) => answer(printed(sshCommand, [...brief, "bash", "-s"]), running))),
  ]);
  return guests.map(({ name, address, stub, kernel: kernelName, sshCommand, gdbCommand }, at) => {
    const [kernel, module] = inside[at]?.split("\n") ?? [];
    const file = join(stack.consoles, `${name}-console.log`);
    return {
      name,
      address,
      state: states.get(name),
      stub,
      debugger: debuggers[at],
      kernelName,
      kernel,
      module,
      console: { file, written: writtenAt(file) },
      lastCrash: crashesOf(stack, name).at(-1) ?? null,
      sshCommand,
      gdbCommand,
    };
  });
}

/** What libvirt calls the state of a guest; undefined if it does not answer, or does not know it. */
export async function stateOf({ uri }: Standing, guest: string): Promise<string | undefined> {
  return (await statesAt(uri)).get(guest);
}

/** Who is attached to each stub; undefined for nobody. */
export async function attached(
  enter: readonly string[],
  stubs: readonly string[],
): Promise<readonly (string | undefined)[]> {
  const text = await answer([...enter, "bash", "-s"], scriptText(import.meta.url, "attached.sh", { stubs }));
  return stubs.map((_, at) => text?.split("\n")[at] || undefined);
}

/** Options of ssh's with which no connection outlives a question; a shared one that is there is used. */
const brief = ["-o", "ControlMaster=no", "-o", "BatchMode=yes"];

/** Runs a command for what it prints: undefined if it fails, or takes too long. */
function answer(command: readonly string[], input = ""): Promise<string | undefined> {
  const [program = "", ...words] = command;
  return new Promise((resolve) => {
    const child = spawn(program, words, {
      stdio: ["pipe", "pipe", "ignore"],
      env: { ...process.env, LC_ALL: "C" },
      timeout: patience,
      killSignal: "SIGKILL",
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part) => {
      text += part;
    });
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    child.on("error", () => resolve(undefined));
    child.on("close", (status) => resolve(status === 0 ? text : undefined));
    // What it has started may keep the pipe open for longer than it lives.
    setTimeout(() => resolve(undefined), patience + 500).unref();
  });
}

/** What libvirt says of each domain, by its name. Source: virsh(1), list: id, name, state. */
async function statesAt(uri: string): Promise<ReadonlyMap<string, string>> {
  const text = (await answer(["virsh", "-q", "--connect", uri, "list", "--all"])) ?? "";
  const lines = text.matchAll(/^\s*\S+\s+(\S+)\s+(.+?)\s*$/gm);
  return new Map([...lines].map(([, name = "", state = ""]) => [name, state]));
}

function writtenAt(file: string): Date | undefined {
  try {
    return statSync(file).mtime;
  } catch {
    return undefined;
  }
}
