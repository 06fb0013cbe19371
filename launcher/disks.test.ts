import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { sh } from "../components/machine/shell.ts";
import { runBash } from "../test/support/run-script.ts";
import { temporaryFolder } from "../test/support/temporary-folder.ts";

const isRoot = process.getuid?.() === 0;

it.runIf(isRoot)("says of each disk once that it is nearly full, whether its folders are there or not", async () => {
  const root = temporaryFolder("duet-disks-");
  const [small, large] = ["small", "large"].map((name) => join(root, name)) as [string, string];
  for (const folder of [small, large]) {
    mkdirSync(folder);
  }
  const folders = [join(small, "cache/duet"), small, join(large, "sources")];
  const program = `import { nearlyFull } from "${join(import.meta.dirname, "disks.ts")}";
console.log(nearlyFull(${JSON.stringify(folders)}).join("\\n"));`;
  const before = sh`mount -t tmpfs -o size=900m tmpfs ${small}; mount -t tmpfs -o size=5g tmpfs ${large}`.shell;
  const node = sh`node --input-type=module-typescript --eval ${program}`.shell;
  const ran = await runBash(node, { enter: ["unshare", "--mount"], before });
  expect(ran.stdout.trim()).toBe(
    `the disk of ${folders[0]}, ${small} has 0.9 GB left of 0.9, and a kernel takes 4: free some`,
  );
});
