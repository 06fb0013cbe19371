/** Writes the reference, for `npm run docs`. A test holds that it is as it would be written. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { project } from "../launcher/project.ts";
import { referenceFiles } from "./files.ts";

for (const [name, text] of Object.entries(referenceFiles())) {
  const file = join(project, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
