import type { Command } from "commander";
import { type StackOptions, stackVerb } from "../command.ts";

interface Options extends StackOptions {
  readonly flameGraph?: string;
  readonly event?: string;
}

/** The perf that `duet:tools: { perf: true }` has brought into a guest. */
export const perf = () =>
  stackVerb("perf", "Run perf in a guest as root, or draw what a command does there.", [
    ["duetctl perf -- top", "in the only guest, with the terminal"],
    ["duetctl perf duetdev -- stat -a sleep 1", "one by its name"],
    ["duetctl perf --flame-graph f.svg -- sync", "where the time goes in a command"],
  ])
    .option("--flame-graph <file>", "record a command with its call paths, and draw them on this host, as SVG")
    .option("--event <event>", "what is recorded for that; time by default")
    .argument("[guest]", "name of the guest; the only one by default")
    .argument("[words...]", "what perf is told, or what is drawn, after --")
    .action(async (_guest: string, _words: string[], options: Options, { args }: Command) => {
      const { standingStack } = await import("../standing.ts");
      const { guestAndWords } = await import("../guest.ts");
      const { usageError } = await import("../exit.ts");
      const { recordFlameGraph, runPerf } = await import("../perf.ts");
      const { stack: named, flameGraph: file, event } = options;
      const { guest, words } = guestAndWords(args, process.argv);
      if (file !== undefined && words.length === 0) {
        throw usageError("cannot draw a flame graph: of which command? put it after --");
      }
      if (file === undefined && event !== undefined) {
        throw usageError("cannot record an event: --event is for --flame-graph; put perf's own options after --");
      }
      const stack = await standingStack(named, process.env);
      await (file === undefined
        ? runPerf(stack, guest, words)
        : recordFlameGraph(stack, guest, { file, event, command: words }));
    });
