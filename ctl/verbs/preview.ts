import { type StackOptions, stackVerb } from "../command.ts";

interface Options extends StackOptions {
  readonly json?: boolean;
}

/** `pulumi preview`. */
export const preview = () =>
  stackVerb("preview", "Say what has drifted, and what up would do. Changes nothing.", [
    ["duetctl preview", ""],
    ["duetctl preview --json | jq .changeSummary", "for a script"],
  ])
    .option("--json", "print it as JSON, as pulumi has it")
    .argument("[pulumi-options...]", "options of pulumi preview, after --")
    .action(async (more: readonly string[], { stack: named, json = false }: Options) => {
      const { launch } = await import("../launcher.ts");
      const { onStack } = await import("../stacks.ts");
      await launch(["preview", ...(json ? ["--json"] : []), ...onStack(named, process.env), ...more]);
    });
