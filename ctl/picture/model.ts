import { basename } from "node:path";
import { cut } from "../../launcher/progress/words.ts";
import type { GuestStatus } from "../look.ts";
import type { Standing } from "../standing.ts";
import {
  attachedTo,
  builtKernel,
  builtModule,
  loadedModule,
  type Mark,
  neverWhole,
  runningKernel,
  type Said,
  stackLine,
  state,
} from "../words.ts";

/** A line of a box: of what it speaks, and what is said. */
export interface Row {
  readonly key: string;
  readonly text: string;
  readonly mark?: Mark;
}

/** Columns of what a crash was: the drawing is to be seen whole. */
const columns = 80;

/** Something that is drawn as a box. */
export interface Box {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** A guest, and what leads to it. */
export interface GuestBox extends Box {
  /** Whether it mounts the exports. */
  readonly isServed: boolean;
  /** Who is attached to its stub; undefined for nobody. */
  readonly debugger: string | undefined;
}

/** A stack as people think of it, in words alone: equal ones are one drawing. */
export interface Picture {
  /** Which stack it is, and on what host, within which all else is. */
  readonly title: string;
  readonly sources: Box;
  /** What guests mount of the sources. */
  readonly exports: readonly Box[];
  readonly guests: readonly GuestBox[];
}

/** What is drawn of a stack. */
export function pictureOf(stack: Standing, guests: readonly GuestStatus[]): Picture {
  return {
    title: stackLine(stack),
    sources: {
      title: "sources",
      rows: [
        row("directory", stack.sources),
        ...stack.builds.flatMap((built) => [
          row("kernel", builtKernel(built)),
          row("module", builtModule(built, stack)),
        ]),
      ],
    },
    exports: stack.exports.map((source) => ({ title: "NFS export", rows: [row("mounts", source)] })),
    guests: guests.map((guest) => ({
      title: `guest ${guest.name}`,
      rows: guestRows(guest, stack),
      isServed: guest.address !== "",
      debugger: guest.debugger,
    })),
  };
}

function guestRows(guest: GuestStatus, stack: Standing): readonly Row[] {
  const { address, stub, console, lastCrash } = guest;
  return [
    row("state", state(guest)),
    address === "" ? row("address", { text: neverWhole, mark: "differs" }) : row("address", address),
    row("kernel", runningKernel(guest, stack)),
    row("module", loadedModule(guest, stack)),
    ...(stub === "" ? [] : [row("gdb", attachedTo(guest))]),
    row("console", console.file),
    ...(lastCrash === null
      ? []
      : [row("last crash", cut(`${basename(lastCrash.folder)}: ${lastCrash.story}`, columns))]),
  ];
}

const row = (key: string, said: string | Said): Row => ({ key, ...(typeof said === "string" ? { text: said } : said) });
