import { commandReference } from "./command.ts";
import { fileSchema } from "./schema.ts";
import { specReference } from "./spec.ts";

/** The files that are made from what the program knows of itself: their texts, by their paths in the project. */
export function referenceFiles(): Readonly<Record<string, string>> {
  return {
    "docs/reference/spec.md": specReference(),
    "docs/reference/duetctl.md": commandReference(),
    "stacks/spec.schema.json": `${JSON.stringify(fileSchema(), undefined, 2)}\n`,
  };
}
