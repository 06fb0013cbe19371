import { join } from "node:path";
import { project } from "../launcher/project.ts";

const launcher = join(project, "launcher/launch.ts");

/**
 * Hands the words of a pulumi command line to the launcher, in this process, as bin/pulumi does: no process more stands
 * between a Ctrl-C and pulumi.
 */
export async function launch(words: readonly string[]): Promise<void> {
  process.argv.splice(1, process.argv.length, launcher, ...words);
  await import("../launcher/launch.ts");
}
