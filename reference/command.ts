import type { Command } from "commander";
import { program } from "../ctl/command.ts";
import { verbs } from "../ctl/verbs/index.ts";

/** Columns of help in the reference, whatever terminal it is made at. */
const columns = 80;

/** The reference of the command: the help of each verb, as it is printed. */
export function commandReference(): string {
  const whole = program(verbs.map((verb) => verb()));
  const parts = whole.commands.map((verb) => `## duetctl ${verb.name()}\n\n${block(helpOf(verb))}`);
  return `${[heading, block(helpOf(whole)), ...parts].join("\n\n")}\n`;
}

const heading = `# duetctl

What people type to work with a stack, beside \`pulumi\`, which goes on working. It is in \`bin/\`: put that in front of PATH.
\`eval "$(duetctl completion bash)"\` has bash complete its words. Made by \`npm run docs\`; not to be edited.`;

const block = (text: string): string => `\`\`\`text\n${text.trimEnd()}\n\`\`\``;

function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => columns,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text;
}
