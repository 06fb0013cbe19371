import { Command } from "commander";
import { exitCodeLines } from "./exit.ts";

/** The word by which a shell asks what may come next. It is no verb: nobody types it. */
export const completeWord = "complete";

/** What somebody may type, and what that does. */
export type Example = readonly [line: string, meaning: string];

/** Columns of the longest line of an example before its meaning. */
const exampleWidth = 38;

/** A verb of duetctl: its name, what it does in one line, and examples, which its help ends with. */
export function verb(name: string, summary: string, examples: readonly Example[]): Command {
  const lines = examples.map(([line, meaning]) => `  ${line.padEnd(exampleWidth)}  ${meaning}`);
  return new Command(name).description(summary).addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}

/** The same for one that is about a stack. */
export function stackVerb(name: string, summary: string, examples: readonly Example[]): Command {
  return verb(name, summary, examples).option("-s, --stack <stack>", "name of the stack; the only one by default");
}

/** What every verb about a stack is given. */
export interface StackOptions {
  readonly stack?: string;
}

/** The whole command, with its verbs in the order in which help lists them. */
export function program(verbs: readonly Command[]): Command {
  const whole = new Command("duetctl")
    .description("Works with the Duet environments of this project.")
    .usage("VERB [options]")
    .helpOption("-h, --help", "print this")
    .helpCommand("help [verb]", "print the help of a verb")
    .configureHelp({ subcommandTerm: (one) => one.name() })
    .addHelpText("after", `\nExit codes:\n${exitCodeLines.map((line) => `  ${line}`).join("\n")}`);
  whole.exitOverride().configureOutput({
    outputError: (text, write) => write(text.replace(/^error: /, "duetctl: ")),
  });
  for (const one of verbs) {
    whole.addCommand(one.copyInheritedSettings(whole));
  }
  return whole;
}
