import { type StackOptions, stackVerb } from "../command.ts";

interface Options extends StackOptions {
  readonly output?: string;
}

/** The stack as people think of it, drawn from what `status` finds. */
export const graph = () =>
  stackVerb("graph", "Draw the stack that stands, as SVG.", [
    ["duetctl graph >stack.svg", ""],
    ["duetctl graph --output docs/stack.svg", "for a page"],
  ])
    .option("-o, --output <file>", "where it is written; standard output by default")
    .action(async ({ stack: named, output }: Options) => {
      const { standingStack } = await import("../standing.ts");
      const { look } = await import("../look.ts");
      const { pictureOf } = await import("../picture/model.ts");
      const { drawFile } = await import("../picture/drawing.ts");
      const stack = await standingStack(named, process.env);
      const drawn = await drawFile(pictureOf(stack, await look(stack)));
      if (output === undefined) {
        process.stdout.write(drawn);
        return;
      }
      const { writeFileSync } = await import("node:fs");
      try {
        writeFileSync(output, drawn);
      } catch (error) {
        const { CtlError, exitCodes } = await import("../exit.ts");
        throw new CtlError(
          exitCodes.failed,
          `cannot write the drawing: ${(error as Error).message}; name another file`,
        );
      }
    });
