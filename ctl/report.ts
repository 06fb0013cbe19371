import { Help } from "commander";
import type { Crash } from "./crash.ts";
import type { GuestStatus } from "./look.ts";
import type { Standing } from "./standing.ts";

/** Digits of a build id that a person compares. */
const digits = 12;

const short = (id: string): string => id.slice(0, digits);

/** Columns of a terminal, and of what is before a line's words. */
const columns = 80;
const indent = 11;

/** What is to be known of a stack, in lines of 80 columns as far as paths allow. */
export function report(stack: Standing, guests: readonly GuestStatus[], now: Date): string {
  const { name, isEmbedded, uri, kernel, module, workspace } = stack;
  const built = [
    line("kernel", kernel && `${kernel.release}, build ${short(kernel.buildId)}`, "none built yet"),
    line("module", module.buildId && `${module.name}, build ${short(module.buildId)}`, `${module.name}, not built yet`),
    ...(workspace === undefined ? [] : [line("editor", workspace)]),
  ];
  return [
    `stack ${name}, on ${isEmbedded ? "the embedded host" : uri}`,
    ...built,
    ...guests.flatMap((guest) => ["", ...guestLines(guest, stack, now)]),
  ].join("\n");
}

const line = (key: string, said: string | undefined, otherwise = ""): string =>
  `  ${key.padEnd(8)} ${said || otherwise}`;

function guestLines(guest: GuestStatus, { kernel, module }: Standing, now: Date): readonly string[] {
  const { name, address, state = "not known to libvirt, or libvirt does not answer", stub, console, lastCrash } = guest;
  return [
    `guest ${name}: ${state}`,
    ...(address === "" ? ["  it has never come up whole: duetctl up goes on"] : [line("address", address)]),
    line("kernel", runs(guest.kernel, kernel?.release)),
    line("module", loaded(guest, module)),
    ...(stub === "" ? [] : [line("gdb", `${guest.debugger ?? "nobody"} is attached to ${stub}`)]),
    line(
      "console",
      `${console.file} (${console.written === undefined ? "not to be read" : `written ${ago(console.written, now)}`})`,
    ),
    ...(lastCrash === null ? [] : crashLines(lastCrash, now)),
  ];
}

/** Its story, wrapped, and its folder. */
function crashLines({ folder, story, written }: Crash, now: Date): readonly string[] {
  const text = `${ago(written, now)}: ${story}`;
  const [first, ...others] = [...new Help().boxWrap(text, columns - indent).split("\n"), folder];
  return [line("crash", first), ...others.map((one) => `${" ".repeat(indent)}${one}`)];
}

function runs(found: string | undefined, built: string | undefined): string {
  if (found === undefined) {
    return "the guest does not answer";
  }
  return built === undefined || found === built ? found : `${found}, and not the one that up has built last`;
}

function loaded({ module: id }: GuestStatus, { name, buildId }: Standing["module"]): string {
  if (id === undefined) {
    return "the guest does not answer";
  }
  if (id === "") {
    return `${name} is not loaded`;
  }
  return `${name}, build ${short(id)}${id === buildId ? "" : ", and not the one that up has built last"}`;
}

/** How long ago, in the largest unit of which there is one at least. */
function ago(then: Date, now: Date): string {
  const seconds = Math.max(0, Math.floor((now.getTime() - then.getTime()) / 1000));
  const units = [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
  ] as const;
  const [size, unit] = units.find(([size]) => seconds >= size) ?? [1, "s"];
  return `${Math.floor(seconds / size)} ${unit} ago`;
}
