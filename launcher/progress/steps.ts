import { type Announced, announcedIn } from "../../components/machine/step.ts";
import { nameOf } from "../repair/deployment.ts";
import type { EngineEvent, ResourceEvent } from "./events.ts";
import { Counter, type Share, type Took } from "./share.ts";
import { labelOf, markOf, plain } from "./words.ts";

/** Something that pulumi is doing. */
export interface Work {
  readonly name: string;
  /** What is done, in the words of a person. */
  readonly label: string;
  readonly mark: string;
  /** When it began, in milliseconds. */
  readonly began: number;
  /** What it printed last. */
  readonly line: string;
  /** How far it is, if that can be known. @param now in milliseconds */
  share(now: number): Share | undefined;
}

/** How something ended: what somebody has interrupted is not to blame. */
export type Outcome = "done" | "failed" | "cut off";

/** What is news to whoever looks on. */
export type News =
  | { readonly kind: "begin"; readonly work: Work }
  | { readonly kind: "end"; readonly work: Work; readonly seconds: number; readonly outcome: Outcome }
  /** What a preview says would be done. */
  | { readonly kind: "plan"; readonly label: string; readonly mark: string }
  | { readonly kind: "note"; readonly text: string };

interface Running extends Work {
  line: string;
  readonly counter: Counter;
  /** By what it is known when it is done again. */
  readonly key: string;
}

/** What is done to a resource that is not told: nothing, or it is only looked at; or others are told that do it. */
const silent = /^(?:same|read.*|refresh|discard.*|replace|remove-pending-replace)$/;
/** The same in a preview: of a replacement, the whole. */
const silentInPlan = /^(?:same|read.*|refresh|discard.*|.+-replacement|delete-replaced|remove-pending-replace)$/;

/** What is known of a run by its events: what is at work, what waits, what is done. */
export class Steps {
  readonly #running = new Map<string, Running>();
  readonly #announced = new Map<string, Announced>();
  readonly #done = new Set<string>();
  readonly #notes = new Set<string>();
  readonly #times: Map<string, Took>;

  #takenBack = 0;
  readonly #standing: number;

  /**
   * @param times how long things took the last time, by their keys; gets what these take
   * @param standing how many steps there are to be taken back. Defaults to none: those that are to come are announced.
   */
  constructor(times: Map<string, Took>, standing = 0) {
    this.#times = times;
    this.#standing = standing;
  }

  get running(): readonly Work[] {
    return [...this.#running.values()];
  }

  /** How many steps there are, and how many are done. */
  get count(): { readonly done: number; readonly all: number } {
    const done = [...this.#announced.keys()].filter((name) => this.#done.has(name)).length;
    return this.#standing > 0 ? { done: this.#takenBack, all: this.#standing } : { done, all: this.#announced.size };
  }

  /** The steps that wait, each with the names of the steps that it waits for. */
  get waiting(): readonly { readonly title: string; readonly name: string; readonly after: readonly string[] }[] {
    const isAtWork = new Set([...this.#running.values()].map(({ name }) => name));
    return [...this.#announced.values()]
      .filter(({ name }) => !this.#done.has(name) && !isAtWork.has(name))
      .map(({ title, name, after }) => ({ title, name, after: after.filter((one) => this.#isToCome(one)) }));
  }

  #isToCome(name: string): boolean {
    return this.#announced.has(name) && !this.#done.has(name);
  }

  /** Takes an event, and gives what is news in it. @param now in milliseconds */
  take(event: EngineEvent, now: number): readonly News[] {
    const { preludeEvent, resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent, stdoutEvent } = event;
    if (preludeEvent) {
      // After a preview the update begins.
      this.#done.clear();
    } else if (resourcePreEvent) {
      return isOfProvider(resourcePreEvent) ? this.#begin(resourcePreEvent, now) : [];
    } else if (resOutputsEvent) {
      return isOfProvider(resOutputsEvent) ? this.#end(resOutputsEvent, now, false) : [];
    } else if (resOpFailedEvent) {
      return this.#end(resOpFailedEvent, now, true);
    } else if (diagnosticEvent) {
      return this.#said(diagnosticEvent);
    } else if (stdoutEvent) {
      return this.#note(stdoutEvent.message);
    }
    return [];
  }

  #begin(event: ResourceEvent, now: number): readonly News[] {
    const { metadata, planning = false } = event;
    const [label, mark] = [labelOf(event), markOf(event)];
    if (planning) {
      return silentInPlan.test(metadata.op) ? [] : [{ kind: "plan", label, mark }];
    }
    if (silent.test(metadata.op)) {
      return [];
    }
    const key = `${metadata.op} ${label}`;
    const counter = new Counter();
    const share = (then: number) => counter.share((then - now) / 1000, this.#times.get(key));
    const work = { name: nameOf(metadata), label, mark, began: now, line: "", counter, key, share };
    this.#running.set(metadata.urn, work);
    return [{ kind: "begin", work }];
  }

  #end({ metadata, planning = false }: ResourceEvent, now: number, failed: boolean): readonly News[] {
    const { urn, op } = metadata;
    const work = this.#running.get(urn);
    this.#running.delete(urn);
    // A refresh is before the step itself.
    if (!planning && !failed && op !== "refresh" && !op.startsWith("delete")) {
      this.#done.add(nameOf(metadata));
    }
    if (!failed && op === "delete" && isStep(metadata.type)) {
      this.#takenBack += 1;
    }
    if (work === undefined) {
      return [];
    }
    const seconds = (now - work.began) / 1000;
    if (!failed) {
      this.#times.set(work.key, { seconds, lines: work.counter.lines });
    }
    return [{ kind: "end", work, seconds, outcome: failed ? "failed" : "done" }];
  }

  #said({ urn = "", message, severity, ephemeral }: NonNullable<EngineEvent["diagnosticEvent"]>): readonly News[] {
    if (severity === "debug") {
      const announced = announcedIn(message);
      if (announced !== undefined) {
        this.#announced.set(announced.name, announced);
      }
      return [];
    }
    if (ephemeral) {
      const running = this.#running.get(urn);
      for (const line of running === undefined ? [] : linesOf(message)) {
        running?.counter.count(line);
        Object.assign(running ?? {}, { line });
      }
      return [];
    }
    // What is wrong are the last words of a run.
    return severity === "error" ? [] : this.#note(message);
  }

  /** A text is news once. */
  #note(message: string): readonly News[] {
    return linesOf(message).flatMap((text): readonly News[] => {
      const isNew = !this.#notes.has(text);
      this.#notes.add(text);
      return isNew ? [{ kind: "note", text }] : [];
    });
  }
}

/** Whether a resource of that type is a step: all others are libvirt's, or a machine's facts. */
export function isStep(type: string): boolean {
  return type.startsWith("command:");
}

/** Components and providers are names for others, and nothing is done for them. */
function isOfProvider({ metadata }: ResourceEvent): boolean {
  return (metadata.new ?? metadata.old)?.custom === true && !metadata.type.startsWith("pulumi:");
}

/** The lines of a text without pulumi's marks for colors, and without those that are empty. */
function linesOf(message: string): readonly string[] {
  const lines = message.replaceAll(/<\{%.*?%\}>/g, "").split("\n");
  return lines.map(plain).filter((line) => line.trim() !== "");
}
