import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { runLibrary } from "../../../test/support/run-script.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { scriptText } from "../script-text.ts";
import { type Shell, sh } from "../shell.ts";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder("it's files-");
});
const run = (call: Shell) => runLibrary(scriptText(import.meta.url, "files.sh", {}), call.shell);

describe("a file", () => {
  it("is replaced whole, or not at all", async () => {
    const file = join(folder, "a file");
    writeFileSync(file, "old");
    expect((await run(sh`printf new | replace_file ${file}`)).code).toBe(0);
    expect(readFileSync(file, "utf8")).toBe("new");
    expect((await run(sh`{ printf half; exit 1; } | replace_file ${`${folder}/no/file`}`)).code).not.toBe(0);
    expect(readdirSync(folder)).toEqual(["a file"]);
  });

  it("is known by its checksum, which is empty if it cannot be read", async () => {
    const file = join(folder, "it");
    writeFileSync(file, "a");
    expect((await run(sh`checksum_fact 'what it is' ${file}`)).stdout).toBe("what it is: ca978112ca1bbdca\n");
    expect((await run(sh`checksum_fact 'what it is' /nowhere`)).stdout).toBe("what it is: \n");
  });
});
