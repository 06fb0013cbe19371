import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { lastLine, runStep, type Verb } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";

let root: string;
let directory: string;
beforeEach(() => {
  root = temporaryFolder("it's a directory-");
  directory = join(root, "media/data/duet");
});

const developer = { uid: 54321, gid: 54322 };
const run = (verbs: Verb | readonly Verb[], records = join(root, "steps")) =>
  runStep(scriptText(import.meta.url, "directory.sh", { directory, fstab: join(root, "fstab"), ...developer }), verbs, {
    records,
  });

describe.runIf(process.getuid?.() === 0)("the sources directory", () => {
  it("is made for the developer, and goes with the folders that were made for it", async () => {
    mkdirSync(join(root, "media"));
    expect((await run(["create", "create"])).code).toBe(0);
    expect(statSync(directory)).toMatchObject(developer);
    expect(statSync(join(root, "media/data")).uid).toBe(0);
    expect((await run(["delete", "delete"])).code).toBe(0);
    expect([existsSync(join(root, "media")), existsSync(join(root, "media/data"))]).toEqual([true, false]);
  });

  it("stays if something is in it", async () => {
    await run("create");
    writeFileSync(join(directory, "mine"), "");
    await run("delete");
    expect(existsSync(join(directory, "mine"))).toBe(true);
  });

  it("is refused while the disk is not mounted on which it is to be, and nothing is made for it", async () => {
    // fstab(5) has another way to write a space.
    root = temporaryFolder("a-directory-");
    directory = join(root, "media/duet");
    mkdirSync(join(root, "media"));
    writeFileSync(join(root, "fstab"), `LABEL=data ${root}/media ext4 nofail 0 2\n`);
    expect(lastLine(await run("create"))).toMatch(/^cannot keep sources in .*nothing is mounted on \S+\/media, where/);
    expect(existsSync(directory)).toBe(false);
  });

  it("is refused if it is somebody else's", async () => {
    mkdirSync(directory, { recursive: true });
    expect(lastLine(await run("create"))).toMatch(/^cannot keep sources in .*not yours.*chown 54321:54322/);
  });
});
