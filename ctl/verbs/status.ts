import { type StackOptions, stackVerb } from "../command.ts";

interface Options extends StackOptions {
  readonly json?: boolean;
}

/** What the stack's state says, and what its libvirt, stubs and guests answer within a few seconds. */
export const status = () =>
  stackVerb("status", "Tell what runs in each guest, and who debugs it.", [
    ["duetctl status", ""],
    ["duetctl status --json | jq '.guests[].state'", "for a script"],
  ])
    .option("--json", "print it as JSON")
    .action(async ({ stack: named, json = false }: Options) => {
      const { standingStack } = await import("../standing.ts");
      const { look } = await import("../look.ts");
      const stack = await standingStack(named, process.env);
      const guests = await look(stack);
      if (json) {
        const { name, uri, isEmbedded, kernel, module, workspace } = stack;
        console.log(JSON.stringify({ stack: name, uri, isEmbedded, kernel, module, workspace, guests }, undefined, 2));
      } else {
        const { report } = await import("../report.ts");
        console.log(report(stack, guests, new Date()));
      }
    });
