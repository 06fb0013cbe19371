import { closeSync, mkdirSync, openSync, readFileSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import type { WriteStream } from "node:tty";
import { stripVTControlCharacters } from "node:util";
import { tailOf } from "./events.ts";
import { Screen } from "./screen.ts";
import { keepTimes, readTimes } from "./share.ts";
import { isStep, type News, Steps } from "./steps.ts";
import { lineView, terminalView } from "./view.ts";

/** What the progress of a run is read from, and where it goes. */
export interface ProgressArgs {
  /** Absolute path of the file to which pulumi writes its events. */
  readonly events: string;
  /** Absolute path of the file for all that pulumi prints. */
  readonly log: string;
  /** Absolute path of the file that has how long everything took the last time. */
  readonly times: string;
  /** Types of the resources that are to be taken back: none, unless that is all that is done. */
  readonly standing: readonly string[];
  /** Where it is shown: in place if that is a terminal, and line by line if it is not. */
  readonly output: WriteStream;
  /** Whether the run was told to end: what fails then was cut off by that. */
  readonly isEnded: () => boolean;
}

/** The progress of a run that is shown until that ends. */
export interface Progress {
  /** A file descriptor that takes what pulumi prints. */
  readonly descriptor: number;
  /** Says something between the lines of the progress. */
  say(line: string): void;
  /** Shows how the run ended. Gives where all is that pulumi has printed, unless that was shown whole. */
  end(): string | undefined;
}

/** Milliseconds from one look at the events to the next. */
const interval = 250;
/** How many of the last lines are shown of a pulumi that has begun nothing, or was ended. */
const lastLines = 40;

/** Shows the progress of a pulumi that is to begin. */
export function startProgress({ events, log, times, standing, output, isEnded }: ProgressArgs): Progress {
  mkdirSync(dirname(log), { recursive: true, mode: 0o700 });
  const fresh = `${log}.new`;
  const descriptor = openSync(fresh, "w", 0o600);
  renameSync(fresh, log);
  const known = readTimes(times);
  const steps = new Steps(known, standing.filter(isStep).length);
  const tail = tailOf(events);
  const isTerminal = output.isTTY === true && process.env.TERM !== "dumb";
  const view = isTerminal ? terminalView(output, Date.now()) : lineView();
  const screen = new Screen(output);
  let hasBegun = false;
  // Whoever looked on may be gone, and the run goes on.
  output.on("error", () => {});

  const look = (isLast: boolean, more: readonly string[] = []) => {
    const now = Date.now();
    const read = tail.next();
    hasBegun ||= read.length > 0;
    const news = read.flatMap((event) => steps.take(event, now)).map((one) => (isEnded() ? cutOff(one) : one));
    const left = isLast ? steps.running.map((work) => unfinished(work, now)) : [];
    const above = [...[...news, ...left].flatMap(view.told), ...more];
    const below = isLast ? [] : view.atWork(steps, now);
    screen.draw(isTerminal ? above : [...above, ...below], isTerminal ? below : []);
  };
  const timer = setInterval(() => look(false), interval);
  return {
    descriptor,
    say: (line) => look(false, [line]),
    end: () => {
      clearInterval(timer);
      closeSync(descriptor);
      look(true);
      tail.end();
      try {
        keepTimes(times, known);
      } catch {
        // A cache that takes nothing more: then the next run knows nothing of this one.
      }
      const text = readFileSync(log, "utf8");
      output.write(summaryOf(text));
      return hasBegun ? log : undefined;
    },
  };
}

/** What is still at work when pulumi has ended was cut off. */
function unfinished(work: Steps["running"][number], now: number) {
  return { kind: "end", work, seconds: (now - work.began) / 1000, outcome: "cut off" } as const;
}

/** What pulumi calls a failure once it was told to end was cut off by that. */
function cutOff(news: News): News {
  return news.kind === "end" && news.outcome === "failed" ? { ...news, outcome: "cut off" } : news;
}

/** The end of what pulumi prints: the outputs of the stack, and how many resources were changed. */
function summaryOf(text: string): string {
  const resources = text.lastIndexOf("\nResources:\n");
  if (resources === -1) {
    return text
      .split("\n")
      .slice(-lastLines - 1)
      .join("\n");
  }
  const before = text.lastIndexOf("\nResources:\n", resources - 1);
  const outputs = text.lastIndexOf("\nOutputs:\n", resources);
  return stripVTControlCharacters(text.slice(outputs > before ? outputs : resources));
}
