import type { Command } from "commander";
import { type StackOptions, stackVerb } from "../command.ts";

/** The sshCommand of a guest, as `up` prints it. */
export const ssh = () =>
  stackVerb("ssh", "Log in to a guest as root, or run a command there.", [
    ["duetctl ssh", "the only guest"],
    ["duetctl ssh duetdev", "one by its name"],
    ["duetctl ssh duetdev -- dmesg -w", "a command, after --"],
  ])
    .argument("[guest]", "name of the guest; the only one by default")
    .argument("[command...]", "what to run there, after --")
    .action(async (_guest: string, _words: string[], { stack: named }: StackOptions, { args }: Command) => {
      const { standingStack } = await import("../standing.ts");
      const { guestAndWords, meantGuest } = await import("../guest.ts");
      const { handOver, printed } = await import("../hand-over.ts");
      const { guest, words } = guestAndWords(args, process.argv);
      const { sshCommand } = meantGuest(await standingStack(named, process.env), guest);
      await handOver(printed(sshCommand, words));
    });
