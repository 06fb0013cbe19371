import { type StackOptions, stackVerb } from "../command.ts";

/** libvirt's own console of a guest. It reaches one that no ssh reaches. */
export const guestConsole = () =>
  stackVerb("console", "Use the serial console of a guest; Ctrl-] leaves it.", [
    ["duetctl console", "the only guest"],
    ["duetctl console duetdev", "one by its name"],
  ])
    .argument("[guest]", "name of the guest; the only one by default")
    .action(async (guest: string | undefined, { stack: named }: StackOptions) => {
      const { standingStack } = await import("../standing.ts");
      const { meantGuest } = await import("../guest.ts");
      const { handOver } = await import("../hand-over.ts");
      const { CtlError, exitCodes } = await import("../exit.ts");
      const stack = await standingStack(named, process.env);
      const { name } = meantGuest(stack, guest);
      if (!process.stdin.isTTY) {
        throw new CtlError(
          exitCodes.failed,
          `cannot use the console of ${name}: this is no terminal; read what it says with duetctl logs ${name}`,
        );
      }
      await handOver(["virsh", "--connect", stack.uri, "console", name]);
    });
