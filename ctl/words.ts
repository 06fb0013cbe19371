import type { GuestStatus } from "./look.ts";
import type { Built, Standing } from "./standing.ts";

/** What is to be seen at once: it is not as `up` leaves it, or it cannot be told. */
export type Mark = "differs" | "unknown";

/** What is said of a part of a stack. */
export interface Said {
  readonly text: string;
  /** Undefined for what is as it should be. */
  readonly mark?: Mark;
}

/** Digits of a build id that a person compares. */
const digits = 12;

const short = (id: string): string => id.slice(0, digits);

const noAnswer: Said = { text: "the guest does not answer", mark: "unknown" };
const notTheLast = "and not the one that up has built last";

/** Which stack it is, and where. */
export function stackLine({ name, isEmbedded, uri }: Standing): string {
  return `stack ${name}, on ${isEmbedded ? "the embedded host" : uri}`;
}

/** What stands before what is said of one of several kernels. */
const before = ({ name }: Built): string => (name === undefined ? "" : `${name}: `);

/** A kernel as it was built last. */
export function builtKernel(built: Built): string {
  const { kernel } = built;
  const what = kernel === undefined ? "none built yet" : `${kernel.release}, build ${short(kernel.buildId)}`;
  return `${before(built)}${what}`;
}

/** The module that was built last for a kernel. */
export function builtModule(built: Built, { module }: Standing): string {
  const what = built.module === undefined ? "not built yet" : `build ${short(built.module)}`;
  return `${before(built)}${module}, ${what}`;
}

/** What was built last for a guest. */
const builtFor = ({ kernelName }: GuestStatus, { builds }: Standing): Built =>
  builds.find(({ name }) => name === kernelName) ?? builds[0];

/** What libvirt calls a guest. One that gdb has stopped is paused, and as it should be. */
export function state(guest: GuestStatus): Said {
  if (guest.state === undefined) {
    return { text: "not known to libvirt, or libvirt does not answer", mark: "unknown" };
  }
  const isFine = guest.state === "running" || guest.debugger !== undefined;
  return { text: guest.state, ...(isFine ? {} : { mark: "differs" }) };
}

/** The kernel that runs in a guest. */
export function runningKernel(guest: GuestStatus, stack: Standing): Said {
  const { kernel: found } = guest;
  const built = builtFor(guest, stack).kernel;
  if (found === undefined) {
    return noAnswer;
  }
  const isLast = built === undefined || found === built.release;
  return isLast ? { text: found } : { text: `${found}, ${notTheLast}`, mark: "differs" };
}

/** The module that is loaded in a guest. */
export function loadedModule(guest: GuestStatus, stack: Standing): Said {
  const { module: id } = guest;
  const name = stack.module;
  if (id === undefined) {
    return noAnswer;
  }
  if (id === "") {
    return { text: `${name} is not loaded`, mark: "differs" };
  }
  const text = `${name}, build ${short(id)}`;
  return id === builtFor(guest, stack).module ? { text } : { text: `${text}, ${notTheLast}`, mark: "differs" };
}

/** Who debugs a guest. */
export function attachedTo({ stub, debugger: client }: GuestStatus): string {
  return `${client ?? "nobody"} is attached to ${stub}`;
}

/** What is said of a guest without an address. */
export const neverWhole = "it has never come up whole: duetctl up goes on";
