import { Help } from "commander";
import type { Crash } from "./crash.ts";
import type { GuestStatus } from "./look.ts";
import type { Standing } from "./standing.ts";
import {
  attachedTo,
  builtKernel,
  builtModule,
  loadedModule,
  neverWhole,
  runningKernel,
  stackLine,
  state,
} from "./words.ts";

/** Columns of a terminal, and of what is before a line's words. */
const columns = 80;
const indent = 11;

/** What is to be known of a stack, in lines of 80 columns as far as paths allow. */
export function report(stack: Standing, guests: readonly GuestStatus[], now: Date): string {
  const { workspace } = stack;
  return [
    stackLine(stack),
    ...stack.builds.flatMap((built) => [line("kernel", builtKernel(built)), line("module", builtModule(built, stack))]),
    ...(workspace === undefined ? [] : [line("editor", workspace)]),
    ...guests.flatMap((guest) => ["", ...guestLines(guest, stack, now)]),
  ].join("\n");
}

const line = (key: string, said: string): string => `  ${key.padEnd(8)} ${said}`;

function guestLines(guest: GuestStatus, stack: Standing, now: Date): readonly string[] {
  const { name, address, stub, console, lastCrash } = guest;
  return [
    `guest ${name}: ${state(guest).text}`,
    address === "" ? `  ${neverWhole}` : line("address", address),
    line("kernel", runningKernel(guest, stack).text),
    line("module", loadedModule(guest, stack).text),
    ...(stub === "" ? [] : [line("gdb", attachedTo(guest))]),
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
