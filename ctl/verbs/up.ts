import { type StackOptions, stackVerb } from "../command.ts";

interface Options extends StackOptions {
  readonly ask?: boolean;
}

/** `pulumi up`, which begins at once: who wants to look first has `preview`, or `--ask`. */
export const up = () =>
  stackVerb("up", "Bring the stack to its spec, from wherever it is.", [
    ["duetctl up", "after an edit, a panic, a reboot"],
    ["duetctl up --stack workstation", "that of Pulumi.workstation.yaml"],
    ["duetctl up --ask", "show what would be done, and ask"],
    ["duetctl up -- --refresh", "what follows -- is for pulumi up"],
  ])
    .option("--ask", "show what would be done, and ask before it is")
    .argument("[pulumi-options...]", "options of pulumi up, after --")
    .action(async (more: readonly string[], { stack: named, ask = false }: Options) => {
      const { launch } = await import("../launcher.ts");
      const { onStack } = await import("../stacks.ts");
      await launch(["up", ...(ask ? [] : ["--yes", "--skip-preview"]), ...onStack(named, process.env), ...more]);
    });
