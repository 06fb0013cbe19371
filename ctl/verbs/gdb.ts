import type { Command } from "commander";
import { type StackOptions, stackVerb } from "../command.ts";

interface Options extends StackOptions {
  readonly dump?: string | true;
}

/** The gdbCommand of a guest, as `up` prints it, if the stub is free: it takes one client. Or gdb at a dump. */
export const gdb = () =>
  stackVerb("gdb", "Attach gdb to a guest, with the symbols of kernel and module.", [
    ["duetctl gdb", "the only guest"],
    ["duetctl gdb duetdev", "one by its name"],
    ["duetctl gdb -- -ex 'break duet_hook'", "options of gdb, after --"],
    ["duetctl gdb --dump", "the last dump: of a crash, or yours"],
  ])
    .option("--dump [dump]", "open one: last, which is the default, or its folder")
    .argument("[guest]", "name of the guest; the only one by default")
    .argument("[gdb-options...]", "options of gdb, after --")
    .action(async (_guest: string, _words: string[], { stack: named, dump }: Options, { args }: Command) => {
      const { standingStack } = await import("../standing.ts");
      const { guestAndWords, meantGuest } = await import("../guest.ts");
      const { handOver, printed } = await import("../hand-over.ts");
      const { guest, words } = guestAndWords(args, process.argv);
      if (dump !== undefined) {
        const { openerAt, openerOf } = await import("../dump.ts");
        const which = dump === true ? "last" : dump;
        // A path needs no stack: the folder has all of it.
        const opener = which.includes("/")
          ? openerAt(which)
          : openerOf(await standingStack(named, process.env), guest, which);
        return handOver([opener, ...words]);
      }
      const { attached } = await import("../look.ts");
      const { CtlError, exitCodes } = await import("../exit.ts");
      const stack = await standingStack(named, process.env);
      const { name, stub, gdbCommand } = meantGuest(stack, guest);
      if (gdbCommand === "") {
        throw new CtlError(exitCodes.failed, `cannot attach to ${name}: it has never come up whole; do duetctl up`);
      }
      const [client] = await attached(stack.enter, [stub]);
      if (client !== undefined) {
        throw new CtlError(
          exitCodes.failed,
          `cannot attach to ${name}: its stub takes one client, which is ${client}; detach or quit that one`,
        );
      }
      await handOver(printed(gdbCommand, words));
    });
