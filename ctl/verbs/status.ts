import { InvalidArgumentError, Option } from "commander";
import { type StackOptions, stackVerb } from "../command.ts";

interface Options extends StackOptions {
  readonly json?: boolean;
  readonly web?: boolean;
  readonly port?: number;
}

/** What the stack's state says, and what its libvirt, stubs and guests answer within a few seconds. */
export const status = () =>
  stackVerb("status", "Tell what runs in each guest, and who debugs it.", [
    ["duetctl status", ""],
    ["duetctl status --json | jq '.guests[].state'", "for a script"],
    ["duetctl status --web", "drawn in a browser, live, until Ctrl-C"],
  ])
    .addOption(new Option("--json", "print it as JSON").conflicts("web"))
    .option("--web", "serve a page of it on loopback, and print its address")
    .addOption(
      new Option("--port <number>", "port of the page; one that is free by default")
        .argParser(port)
        .implies({ web: true }),
    )
    .action(async ({ stack: named, json = false, web = false, port = 0 }: Options) => {
      if (web) {
        const { serveStatus } = await import("../web/serve.ts");
        await serveStatus(named, port, process.env);
        return;
      }
      const { standingStack } = await import("../standing.ts");
      const { look } = await import("../look.ts");
      const stack = await standingStack(named, process.env);
      const guests = await look(stack);
      if (json) {
        const { name, uri, isEmbedded, builds, module, workspace } = stack;
        console.log(JSON.stringify({ stack: name, uri, isEmbedded, builds, module, workspace, guests }, undefined, 2));
      } else {
        const { report } = await import("../report.ts");
        const { doingTo } = await import("../doing.ts");
        const { folders } = await import("../../launcher/environment.ts");
        const { who, line } = await doingTo(stack, folders(process.env).cache);
        // What is seen meanwhile is on its way.
        console.log([...(who === undefined ? [] : [line]), report(stack, guests, new Date())].join("\n"));
      }
    });

function port(typed: string): number {
  const number = Number(typed);
  if (!/^\d+$/.test(typed) || number < 1 || number > 65535) {
    throw new InvalidArgumentError("A port is a number from 1 to 65535.");
  }
  return number;
}
