import { type StackOptions, stackVerb } from "../command.ts";

/** The memory of a guest, kept as that of a crash is, by the same watcher: docs/crashes.md. */
export const dump = () =>
  stackVerb("dump", "Keep the memory of a guest as it is now; the guest goes on.", [
    ["duetctl dump", "where it is, and what opens it"],
    ["duetctl dump duetdev | head -n 1", "its folder, for a script"],
    ["duetctl gdb --dump", "gdb at the last one"],
  ])
    .argument("[guest]", "name of the guest; the only one by default")
    .action(async (guest: string | undefined, { stack: named }: StackOptions) => {
      const { standingStack } = await import("../standing.ts");
      const { dumpCommand } = await import("../dump.ts");
      const { handOver } = await import("../hand-over.ts");
      await handOver(await dumpCommand(await standingStack(named, process.env), guest));
    });
