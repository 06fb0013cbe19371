import { type StackOptions, stackVerb } from "../command.ts";

interface Options extends StackOptions {
  readonly yes?: boolean;
}

/** `pulumi destroy`, which asks, as there is no way back for what is in a guest. */
export const destroy = () =>
  stackVerb("destroy", "Give the host back as it was. Edited sources and caches stay.", [
    ["duetctl destroy", "asks first"],
    ["duetctl destroy --yes --stack sandbox", "does not"],
  ])
    .option("-y, --yes", "do not ask")
    .argument("[pulumi-options...]", "options of pulumi destroy, after --")
    .action(async (more: readonly string[], { stack: named, yes = false }: Options) => {
      const { launch } = await import("../launcher.ts");
      const { onStack } = await import("../stacks.ts");
      await launch(["destroy", ...(yes ? ["--yes", "--skip-preview"] : []), ...onStack(named, process.env), ...more]);
    });
