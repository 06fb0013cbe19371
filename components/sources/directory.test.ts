import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { lastLine, type Ran, type RunOptions, runStep, type Verb } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";
import { sh } from "../machine/shell.ts";

let root: string;
let directory: string;
beforeEach(() => {
  root = temporaryFolder("it's a directory-");
  directory = join(root, "media/data/duet");
});

const developer = { uid: 54321, gid: 54322 };
const run = (verbs: Verb | readonly Verb[], options: RunOptions = {}) =>
  runStep(scriptText(import.meta.url, "directory.sh", { directory, fstab: join(root, "fstab"), ...developer }), verbs, {
    records: join(root, "steps"),
    ...options,
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

  it("on a disk that is not mounted is told by its file system, and refused before a folder is made", async () => {
    const disk = join(root, "media");
    mkdirSync(disk);
    const mounted = { enter: ["unshare", "--mount"], before: sh`mount -t tmpfs tmpfs ${disk}`.shell };
    const fileSystem = (ran: Ran) => /^file system of the sources directory: (.*)$/m.exec(ran.stdout)?.[1];
    const before = await run(["create", "facts"], mounted);
    expect(before.code).toBe(0);
    expect(fileSystem(before)).toMatch(/^id \w+, \/$/);
    expect(fileSystem(await run("facts"))).not.toBe(fileSystem(before));
    const ran = await run("create");
    expect(lastLine(ran)).toContain(`is not mounted at ${disk}, and they would fill the one at `);
    expect(existsSync(join(disk, "data"))).toBe(false);
    await run("delete", mounted);
    expect((await run("create")).code).toBe(0);
  });
});
