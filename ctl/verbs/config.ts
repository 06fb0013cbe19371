import { Argument } from "commander";
import { type StackOptions, stackVerb } from "../command.ts";

interface Options extends StackOptions {
  readonly kernel?: string;
  readonly print?: boolean;
}

/** The kernel's own menus, whose changes go into the spec's fragment. */
export const config = () =>
  stackVerb("config", "Change the kernel's configuration in its menus; up then builds it.", [
    ["duetctl config", "into the fragment of the spec"],
    ["duetctl config nconfig --print", "only print them"],
  ])
    .option("--kernel <name>", "which one, if the spec has several")
    .option("--print", "print the changes, and leave the spec's fragment as it is")
    .addArgument(new Argument("[menu]", "which menus").choices(["menuconfig", "nconfig"]).default("menuconfig"))
    .action(async (menu: string, { stack: named, kernel, print = false }: Options) => {
      const { standingStack } = await import("../standing.ts");
      const { readSpec } = await import("../../launcher/read-spec.ts");
      const { choose, meantKernel, takeOver } = await import("../menuconfig.ts");
      const stack = await standingStack(named, process.env);
      const spec = readSpec(stack.spec);
      const { lines, fragment } = await choose(stack, spec, meantKernel(spec, kernel), menu);
      if (lines.length === 0) {
        return;
      }
      console.log(lines.join("\n"));
      if (print || fragment === undefined) {
        console.error(`duetctl: ${lines.length} lines: put them into a fragment of duet:kernel, or into its config`);
        return;
      }
      takeOver(fragment, lines);
      console.error(`duetctl: ${lines.length} lines are in ${fragment} now; duetctl up builds that kernel`);
    });
