import type { Toolchain } from "../toolchain/install.ts";
import { stackFolder } from "./environment.ts";
import type { Invocation } from "./invocation.ts";

/** One call of the launcher. */
export interface Call {
  /** The arguments of pulumi, as they were typed. */
  readonly words: readonly string[];
  readonly invocation: Invocation;
  /** The stack that it is about, without its organization and project. */
  readonly stack: string;
  /** The same as it was named. */
  readonly qualifiedStack: string;
  /** Absolute path of the stack's spec. */
  readonly spec: string;
  /** Absolute path of the directory in which pulumi is to run: a relative path among the words is meant from there. */
  readonly directory: string;
  /** Absolute path of the sources directory that the spec asks for. */
  readonly sources: string;
  /** Names of the guests that the spec asks for. */
  readonly guests: readonly string[];
  /** Absolute path of the cache. */
  readonly cache: string;
  /** Absolute path of the launcher's state. */
  readonly state: string;
  /** Checks the spec, if the command heeds it: before what takes minutes. @throws UserError with its problems */
  readonly check: () => Promise<void>;
  /** Installs pulumi and its plugins if they are missing. */
  readonly toolchain: () => Promise<Toolchain>;
}

/** What the watcher of the module is called while it works on a stack. */
export const watcherName = "duetctl watch";

/** What marks the processes of a call: a preview is nobody's but its own launcher's to end. */
export function runMark({ state, stack, invocation }: Call): string {
  const folder = stackFolder(state, stack);
  return invocation.effect === "run" ? folder : `${folder}#${process.pid}`;
}

/** Says something to the person at the terminal: what was found, and what was done. */
export function say(line: string): void {
  process.stderr.write(`duet: ${line}\n`);
}
