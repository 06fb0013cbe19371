import { appendFileSync, existsSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { runStep, type Verb } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";

let root: string;
let file: string;
beforeEach(() => {
  root = temporaryFolder("console-");
  file = join(root, "consoles/one-console.log");
});

const developer = { uid: 54321, gid: 54322 };
const run = (verbs: Verb | readonly Verb[]) =>
  runStep(scriptText(import.meta.url, "console.sh", { console: file, ...developer }), verbs);

describe.runIf(process.getuid?.() === 0)("the log of a console", () => {
  it("is the developer's to read before anybody writes it, and nobody else's", async () => {
    const ran = await run(["create", "facts"]);
    expect(ran).toMatchObject({ code: 0, stdout: "console: readable\n", stderr: "" });
    expect(statSync(file)).toMatchObject(developer);
    expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
  });

  it("keeps what is in it, and goes with the older ones of it", async () => {
    await run("create");
    appendFileSync(file, "panic");
    await run("create");
    expect(statSync(file).size).toBe(5);
    renameSync(file, `${file}.0`);
    expect((await run("facts")).stdout).toBe("console: not readable\n");
    writeFileSync(file, "");
    await run("delete");
    expect([file, `${file}.0`].filter(existsSync)).toEqual([]);
  });
});
