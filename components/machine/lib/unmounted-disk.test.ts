import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runLibrary } from "../../../test/support/run-script.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { scriptText } from "../script-text.ts";
import { sh } from "../shell.ts";

it("a disk is told that fstab has at a folder, or above it, and that is not mounted", async () => {
  const root = temporaryFolder("unmounted-");
  const [fstab, folder] = [join(root, "fstab"), join(root, "a/b/c")];
  mkdirSync(folder, { recursive: true });
  const told = async (lines: string, asked = folder, file = fstab) => {
    writeFileSync(fstab, `${lines}\n`);
    const ran = await runLibrary(scriptText(import.meta.url, "mounts.sh", {}), sh`unmounted ${asked} ${file}`.shell);
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    return ran.stdout.trimEnd();
  };
  expect(await told(`LABEL=x ${root}/a ext4 nofail 0 2`)).toBe(`${root}/a`);
  expect(await told(`LABEL=x\t${root}/a/\text4\tnofail`)).toBe(`${root}/a`);
  expect(await told(`x ${root}/a ext4\ny ${folder} ext4`)).toBe(folder);
  expect(await told(`# LABEL=x ${root}/a ext4\nx ${root}/a/bb ext4\nx ${folder}/d ext4\nx none swap\nx / ext4`)).toBe(
    "",
  );
  expect(await told("proc /proc proc", "/proc/self/task")).toBe("");
  expect(await told("", folder, join(root, "none"))).toBe("");
});
