import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { announcementMark } from "../../components/machine/step.ts";

/** What an event says of a resource, before and after. */
export interface ResourceEvent {
  readonly metadata: {
    readonly op: string;
    readonly urn: string;
    readonly type: string;
    readonly old?: ResourceState | null;
    readonly new?: ResourceState | null;
  };
  /** Whether it only says what would be done. */
  readonly planning?: boolean;
}

interface ResourceState {
  /** Whether a provider makes it; a component is only a name for others. */
  readonly custom?: boolean;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

/** An event of pulumi's engine, as far as progress looks at it. Source: apitype.EngineEvent of pulumi 3.250. */
export interface EngineEvent {
  readonly preludeEvent?: object;
  readonly resourcePreEvent?: ResourceEvent;
  readonly resOutputsEvent?: ResourceEvent;
  readonly resOpFailedEvent?: ResourceEvent;
  readonly diagnosticEvent?: {
    readonly urn?: string;
    readonly message: string;
    readonly severity: string;
    /** Whether it is a line that a resource prints while it is at work. */
    readonly ephemeral?: boolean;
  };
  readonly stdoutEvent?: { readonly message: string };
}

/** The events that a file has got since it was asked last. */
export interface EventTail {
  next(): readonly EngineEvent[];
  end(): void;
}

/** Reads a file of events while pulumi writes it. With a preview before the update it writes two, the second over the first. */
export function tailOf(file: string): EventTail {
  const descriptor = openSync(file, "r");
  const chunk = Buffer.allocUnsafe(1 << 18);
  let decoder = new StringDecoder("utf8");
  let [at, rest] = [0, ""];
  return {
    next: () => {
      if (fstatSync(descriptor).size < at) {
        decoder = new StringDecoder("utf8");
        [at, rest] = [0, ""];
      }
      const events: EngineEvent[] = [];
      for (let size = -1; size !== 0; at += size) {
        size = readSync(descriptor, chunk, 0, chunk.length, at);
        const lines = (rest + decoder.write(chunk.subarray(0, size))).split("\n");
        rest = lines.pop() ?? "";
        events.push(...lines.flatMap(eventIn));
      }
      return events;
    },
    end: () => closeSync(descriptor),
  };
}

/** Most lines are for who debugs pulumi. */
function eventIn(line: string): readonly EngineEvent[] {
  if (line.includes('"severity":"debug"') && !line.includes(announcementMark)) {
    return [];
  }
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}
