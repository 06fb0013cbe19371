import { join } from "node:path";
import { type StackOptions, stackVerb } from "../command.ts";

/** The watcher of loop/, which is a program of its own: it has the terminal until Ctrl-C. */
export const watch = () =>
  stackVerb("watch", "Load the module into each guest as soon as a file of it is saved.", [
    ["duetctl watch", "beside an editor; Ctrl-C ends it"],
  ]).action(async ({ stack: named }: StackOptions) => {
    const { project } = await import("../../launcher/project.ts");
    const { handOver } = await import("../hand-over.ts");
    const { neededStack } = await import("../stacks.ts");
    const program = join(project, "loop/watch.ts");
    await handOver([process.execPath, program, "--stack", neededStack(named, process.env)]);
  });
