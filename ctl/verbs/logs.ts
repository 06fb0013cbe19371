import { Option } from "commander";
import { type StackOptions, stackVerb } from "../command.ts";
import type { LogKind } from "../logs.ts";

interface Options extends StackOptions {
  readonly of: LogKind;
  readonly follow?: boolean;
  readonly lines: string;
}

/** A log of the stack, by tail(1). */
export const logs = () =>
  stackVerb("logs", "Print what the console of a guest said, or another log.", [
    ["duetctl logs", "the console of the only guest"],
    ["duetctl logs duetdev -f", "what it says from now on, too"],
    ["duetctl logs --of build -n 20", "the last lines of the kernel's build"],
  ])
    .addOption(
      new Option("--of <log>", "which log").choices(["console", "qemu", "libvirtd", "build"]).default("console"),
    )
    .option("-f, --follow", "go on with what is added")
    .option("-n, --lines <number>", "how many lines", "100")
    .argument("[guest]", "name of the guest; the only one by default")
    .action(async (guest: string | undefined, { stack: named, of, follow = false, lines }: Options) => {
      const { standingStack } = await import("../standing.ts");
      const { logFile } = await import("../logs.ts");
      const { handOver } = await import("../hand-over.ts");
      const file = logFile(await standingStack(named, process.env), of, guest);
      // By name: a log that is cut, or made anew, goes on.
      await handOver(["tail", "-n", lines, ...(follow ? ["-F"] : []), "--", file]);
    });
