import { stripVTControlCharacters } from "node:util";
import { titleIn } from "../../components/machine/step.ts";
import { nameOf } from "../repair/deployment.ts";
import type { ResourceEvent } from "./events.ts";

/** What is done to a resource, by pulumi's name for it, in the words of a person. */
const verbs: Readonly<Record<string, string>> = {
  create: "make",
  "create-replacement": "make",
  import: "take in",
  update: "change",
  replace: "replace",
  delete: "remove",
  "delete-replaced": "remove",
};

/** What something is called: its title if it is a step, `make volume NAME` if it is not. */
export function labelOf({ metadata }: ResourceEvent): string {
  const { op, type } = metadata;
  const name = nameOf(metadata);
  const title = titleIn((metadata.new ?? metadata.old)?.inputs?.create);
  if (title !== undefined) {
    return op.startsWith("delete") ? `take back ${name} (${title})` : `${title} (${name})`;
  }
  const kind = type.split(":").at(-1)?.toLowerCase() ?? type;
  return kind === "facts" ? `note the facts of ${name}` : `${verbs[op] ?? op} ${kind} ${name}`;
}

/** How a change is marked, as pulumi marks it. */
export function markOf({ metadata: { op } }: ResourceEvent): string {
  return op.startsWith("delete") ? "-" : op.startsWith("create") ? "+" : op === "replace" ? "±" : "~";
}

/** Seconds in words: "0.4 s", "32 s", "9 min 20 s", "1 h 5 min". */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (whole < 10) return `${seconds.toFixed(1)} s`;
  if (whole < 60) return `${whole} s`;
  const rest = hours > 0 || whole % 60 === 0 ? "" : ` ${whole % 60} s`;
  return `${hours > 0 ? `${hours} h ` : ""}${minutes} min${rest}`;
}

/** What is left, as roughly as it is known. */
export function remaining(seconds: number): string {
  return `${seconds < 90 ? `${Math.max(5, Math.round(seconds / 5) * 5)} s` : `${Math.round(seconds / 60)} min`} left`;
}

/** Text as it may stand on a line of a terminal: every character is one column wide, and none is a command. */
export function plain(text: string): string {
  const line = stripVTControlCharacters(text).replaceAll("\t", " ");
  return line.replaceAll(/[^\x20-\x7e\xa0-\u024f\u2010-\u2027]/g, "?").trimEnd();
}

/** Text that is cut to a number of columns. */
export function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}
