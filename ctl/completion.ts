import { join } from "node:path";
import type { Command, Option } from "commander";
import { sh } from "../components/machine/shell.ts";
import { project } from "../launcher/project.ts";
import { completeWord } from "./command.ts";

/**
 * What a shell runs once: from then on it asks duetctl. zsh does it as bash does.
 *
 * Source: bash(1), complete -C; zshcompsys(1), bashcompinit.
 */
export function shellSetup(shell: "bash" | "zsh"): string {
  const asks = sh`complete -C ${sh`${join(project, "bin/duetctl")} ${completeWord}`.shell} duetctl`;
  return `${shell === "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : ""}${asks.shell}\n`;
}

/** What is known of the names that may be typed. Asked only if one of them may come next. */
export interface Names {
  stacks(): readonly string[];
  /** Names of the guests of a stack, or of the only one. */
  guests(stack: string | undefined): readonly string[];
}

/**
 * The words that may come next.
 *
 * @param line what has been typed up to the cursor, with the name of the command
 */
export function candidates(program: Command, line: string, names: Names): readonly string[] {
  const [, ...typed] = line.trimStart().split(/\s+/);
  const begun = typed.pop() ?? "";
  const verb = program.commands.find((one) => one.name() === typed[0]);
  const all = verb === undefined ? verbs(program, typed) : next(verb, typed.slice(1), begun, names);
  return all.filter((word) => word.startsWith(begun));
}

function verbs(program: Command, typed: readonly string[]): readonly string[] {
  const known = program.commands.map((one) => one.name());
  const isFirst = typed.length === 0 || (typed.length === 1 && typed[0] === "help");
  return isFirst ? [...known, ...(typed.length === 0 ? ["help", "--help"] : [])] : [];
}

function next(verb: Command, typed: readonly string[], begun: string, names: Names): readonly string[] {
  // The rest is for another program.
  if (typed.includes("--")) {
    return [];
  }
  const option = (word = "") => verb.options.find((one) => one.short === word || one.long === word);
  const last = option(typed.at(-1));
  if (last !== undefined && takesValue(last)) {
    return last.argChoices ?? (last.long === "--stack" ? names.stacks() : []);
  }
  if (begun.startsWith("-")) {
    return [...verb.options.map((one) => one.long ?? ""), "--help"];
  }
  const isValue = (at: number) => at > 0 && takesValue(option(typed[at - 1]));
  const operands = typed.filter((word, at) => !word.startsWith("-") && !isValue(at));
  const argument = verb.registeredArguments[operands.length];
  const stack = typed.findIndex((word) => option(word)?.long === "--stack");
  return argument?.name() === "guest"
    ? names.guests(stack < 0 ? undefined : typed[stack + 1])
    : (argument?.argChoices ?? []);
}

const takesValue = (option: Option | undefined): boolean => option?.required === true;
