import { CommanderError } from "commander";
import { UserError } from "../sandbox/report.ts";
import { completeWord, program } from "./command.ts";
import { CtlError, exitCodes } from "./exit.ts";
import { verbs } from "./verbs/index.ts";

const whole = program(verbs.map((verb) => verb()));
try {
  if (process.argv[2] === completeWord && process.env.COMP_LINE !== undefined) {
    await complete(process.env.COMP_LINE, Number(process.env.COMP_POINT ?? process.env.COMP_LINE.length));
  } else {
    await whole.parseAsync(process.argv);
  }
} catch (error) {
  if (error instanceof CommanderError) {
    // It has said why.
    process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  } else if (error instanceof UserError) {
    process.stderr.write(`duetctl: ${error.message}\n`);
    process.exitCode = error instanceof CtlError ? error.exitCode : exitCodes.failed;
  } else {
    throw error;
  }
}

/** Prints what a shell may offer, a word a line. Source: bash(1), COMP_LINE. */
async function complete(line: string, point: number): Promise<void> {
  const { candidates } = await import("./completion.ts");
  const { namesFrom } = await import("./names.ts");
  try {
    console.log(candidates(whole, line.slice(0, point), namesFrom(process.env)).join("\n"));
  } catch (error) {
    // A name that cannot be told is none that can be offered.
    if (!(error instanceof UserError)) {
      throw error;
    }
  }
}
