import type { News, Steps, Work } from "./steps.ts";
import { cut, duration, remaining } from "./words.ts";

/** Columns of a bar. */
const barColumns = 16;
/** In fewer columns nothing can be said. */
const narrowest = 20;
/** How many of those that wait are named at most. */
const namedWaiting = 2;
/** Seconds after which it is said how far something is. */
const patience = 60;

/** What is said, as it happens, and what is said of what is under way. */
export interface View {
  /** The lines of what is new. */
  told(news: News): readonly string[];
  /** The lines of what is under way. @param now in milliseconds */
  atWork(steps: Steps, now: number): readonly string[];
}

/** For a terminal: what was done stays, and what is under way stands below it. */
export function terminalView(size: { readonly columns: number; readonly rows: number }, start: number): View {
  // In the last column some terminals go on to the next line; and one of no size does not tell it.
  const columns = () => Math.max(narrowest, (size.columns || 80) - 1);
  return {
    told: (news) => {
      if (news.kind === "begin") return [];
      if (news.kind === "note") return wrapped(news.text, columns());
      if (news.kind === "plan") return [cut(`${news.mark} ${news.label}`, columns())];
      const { work, seconds, outcome } = news;
      return [
        apart(
          `${outcome === "done" ? work.mark : "!"} ${work.label}`,
          `${outcome === "done" ? "" : `${outcome}, `}${duration(seconds)}`,
          columns(),
        ),
      ];
    },
    atWork: (steps, now) => {
      const lines = steps.running.flatMap((work) => working(work, now, columns()));
      const waiting = steps.waiting;
      const next = waiting.filter(({ after }) => after.length > 0).slice(0, namedWaiting);
      const waits = next.map(({ title, name, after }) =>
        cut(`${title} (${name}) waits for ${after.join(", ")}`, columns()),
      );
      const count = { ...steps.count, more: waiting.length - next.length };
      const foot = cut(footOf(count, (now - start) / 1000), columns());
      const room = Math.max(1, (size.rows || 24) - 2 - waits.length);
      return [...lines.slice(0, room), ...(lines.length > 0 ? waits : []), foot];
    },
  };
}

function working(work: Work, now: number, columns: number): readonly string[] {
  const share = work.share(now);
  const right =
    share === undefined
      ? duration((now - work.began) / 1000)
      : `${bar(share.done)}, ${remaining(share.left).padStart(11)}`;
  const line = work.line === "" ? [] : [cut(`    ${work.line.trim()}`, columns)];
  return [apart(`  ${work.label}`, right, columns), ...line];
}

function bar(done: number): string {
  const full = Math.floor(done * barColumns);
  return `[${"#".repeat(full)}${"-".repeat(barColumns - full)}] ${percent(done).padStart(4)}`;
}

const percent = (done: number) => `${Math.floor(done * 100)} %`;

/** One text at the left, and another at the right. */
function apart(left: string, right: string, columns: number): string {
  const text = cut(left, columns - right.length - 1);
  return cut(`${text}${right.padStart(columns - text.length)}`, columns);
}

function footOf({ done, all, more }: { done: number; all: number; more: number }, seconds: number): string {
  const steps = all === 0 ? [] : [`${done} of ${all} steps are done`];
  return [...steps, ...(more > 0 ? [`${more} more wait`] : []), duration(seconds)].join("; ");
}

function wrapped(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  for (let rest = text.trim(); rest !== ""; ) {
    const indent = lines.length === 0 ? "" : "    ";
    const room = columns - indent.length;
    const at = rest.length <= room ? rest.length : rest.lastIndexOf(" ", room);
    const length = at > 0 ? at : room;
    lines.push(`${indent}${rest.slice(0, length)}`);
    rest = rest.slice(length).trim();
  }
  return lines;
}

/** For a file: a line when something begins and ends, and one a minute between. */
export function lineView(): View {
  const told = new Map<Work, number>();
  return {
    told: (news) => {
      if (news.kind === "note") return [news.text];
      if (news.kind === "plan") return [`${news.mark} ${news.label}`];
      if (news.kind === "begin") return [news.work.label];
      return [
        `${news.work.label}: ${news.outcome} ${news.outcome === "done" ? "in" : "after"} ${duration(news.seconds)}`,
      ];
    },
    atWork: (steps, now) =>
      steps.running.flatMap((work) => {
        if (now - (told.get(work) ?? work.began) < patience * 1000) {
          return [];
        }
        told.set(work, now);
        const share = work.share(now);
        const far = share === undefined ? [] : [percent(share.done), remaining(share.left)];
        const waiting = steps.waiting.filter(({ after }) => after.includes(work.name)).map(({ name }) => name);
        const waits =
          waiting.length === 0 ? [] : [`${waiting.join(", ")} ${waiting.length > 1 ? "wait" : "waits"} for it`];
        const said = work.line === "" ? [] : [work.line.trim()];
        return [`${work.label}: ${[duration((now - work.began) / 1000), ...far, ...waits, ...said].join("; ")}`];
      }),
  };
}
