import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { runLibrary } from "../../../test/support/run-script.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { scriptText } from "../script-text.ts";
import { type Shell, sh } from "../shell.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = temporaryFolder("marked ");
  file = join(folder, "fstab");
});

const run = (call: Shell, stack = "dev") => runLibrary(scriptText(import.meta.url, "lines.sh", { stack }), call.shell);
const put = (lines: readonly string[], stack?: string) => run(sh`put_lines ${file} ${lines}`, stack);
const drop = (stack?: string) => run(sh`drop_lines ${file}`, stack);
const text = () => readFileSync(file, "utf8");

describe("lines of a stack in a file of others", () => {
  it.each([
    "",
    "\n",
    "a\nb\n",
    "no newline at the end",
    "# duet: begin other\nx\n# duet: end other\n",
    "\r\n\ttab \\ $x\n\n",
  ])("leave it as it was, to the byte, once they go: %j", async (before) => {
    writeFileSync(file, before);
    chmodSync(file, 0o640);
    expect(await put(["one", "two $(three) 'four'"])).toMatchObject({ code: 0, stderr: "" });
    expect(text()).toBe(`# duet: begin dev\none\ntwo $(three) 'four'\n# duet: end dev\n${before}`);
    expect((await run(sh`lines_fact lines ${file}`)).stdout).toBe("lines: one two $(three) 'four' \n");
    await drop();
    expect(text()).toBe(before);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(["fstab"]);
  });

  it("leave what a user added meanwhile, before, between and after them", async () => {
    writeFileSync(file, "theirs\n");
    await put(["ours"]);
    await put(["others"], "dev.2");
    writeFileSync(file, `first\n${text()}last`);
    await drop();
    await drop();
    expect(text()).toBe("first\n# duet: begin dev.2\nothers\n# duet: end dev.2\ntheirs\nlast");
  });

  it("replace themselves, and nothing is written if nothing changes", async () => {
    writeFileSync(file, "theirs\n");
    await put(["old"]);
    await put(["new"]);
    const { ino } = statSync(file);
    await put(["new"]);
    expect(statSync(file).ino).toBe(ino);
    expect(text()).toBe("# duet: begin dev\nnew\n# duet: end dev\ntheirs\n");
  });

  it("take no more than a mark if its other one was removed by hand", async () => {
    writeFileSync(file, "# duet: begin dev\nours\ntheirs\n");
    await drop();
    expect(text()).toBe("ours\ntheirs\n");
  });

  it("go where a symbolic link leads, and leave the link", async () => {
    writeFileSync(join(folder, "real"), "theirs\n");
    symlinkSync("real", file);
    await put(["ours"]);
    await drop();
    expect(readFileSync(join(folder, "real"), "utf8")).toBe("theirs\n");
    expect(readdirSync(folder).sort()).toEqual(["fstab", "real"]);
  });

  it("are refused for a stack whose name could not be found again, or would be more than a name to sed", async () => {
    const before = "# duet: begin dev\nx\n# duet: end dev\n";
    writeFileSync(file, before);
    const special = fc.constantFrom("", "d*", "a/e touch canary", "a\n", "\n/e touch canary\n", "[a-z]", "dev$", "é");
    const names = fc.oneof(special, fc.string({ unit: "binary" })).filter((name) => !/^[\w.-]+$|\0/.test(name));
    await fc.assert(
      fc.asyncProperty(names, async (stack) => {
        for (const ran of [await put(["ours"], stack), await drop(stack)]) {
          expect(ran.code).not.toBe(0);
          expect(ran.stderr).toContain(stack === "" ? "stack" : stack);
        }
      }),
      { numRuns: 15 },
    );
    expect(text()).toBe(before);
    expect(readdirSync(folder)).toEqual(["fstab"]);
  });

  it("are all there if many stacks put theirs at once, in a file that was not there, and all go", async () => {
    const stacks = Array.from({ length: 8 }, (_, index) => `stack${index}`);
    expect((await Promise.all(stacks.map((stack) => put([stack], stack)))).map(({ code }) => code)).toEqual(
      stacks.map(() => 0),
    );
    for (const stack of stacks) {
      expect(text()).toContain(`# duet: begin ${stack}\n${stack}\n# duet: end ${stack}\n`);
    }
    await Promise.all(stacks.map((stack) => drop(stack)));
    expect(readdirSync(folder)).toEqual([]);
  });
});
