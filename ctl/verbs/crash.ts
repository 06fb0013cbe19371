import { type StackOptions, stackVerb } from "../command.ts";

interface Options extends StackOptions {
  readonly list?: boolean;
}

/** What the watcher of a guest has written down: docs/crashes.md. */
export const crash = () =>
  stackVerb("crash", "Print the report of a guest's last crash.", [
    ["duetctl crash", "where, its stack, and how to go on"],
    ["duetctl crash duetdev --list", "the folders of all that are kept"],
  ])
    .option("--list", "print the folders of all that are kept, the oldest first")
    .argument("[guest]", "name of the guest; the only one by default")
    .action(async (guest: string | undefined, { stack: named, list = false }: Options) => {
      const { standingStack } = await import("../standing.ts");
      const { crashesOf, lastReport } = await import("../crash.ts");
      const stack = await standingStack(named, process.env);
      if (list) {
        for (const folder of crashesOf(stack, guest)) {
          console.log(folder);
        }
        return;
      }
      const { readFileSync } = await import("node:fs");
      process.stdout.write(readFileSync(lastReport(stack, guest), "utf8"));
    });
