import { execFileSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import { dropLines, lineFacts, putLines } from "./marked-lines.ts";
import type { Shell } from "./shell.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = temporaryFolder("marked ");
  file = join(folder, "fstab");
});

function run(script: Shell): string {
  return execFileSync("bash", ["-euo", "pipefail", "-c", script.shell], { encoding: "utf8" });
}

describe("lines of ours in a file of others", () => {
  it.each([
    "",
    "\n",
    "a\nb\n",
    "no newline at the end",
    "# duet: begin other\nx\n# duet: end other\n",
    "\r\n\ttab \\ $x\n\n",
  ])("leave it as it was, to the byte, when they go: %j", (text) => {
    writeFileSync(file, text);
    chmodSync(file, 0o640);
    run(putLines({ file, owner: "dev" }, ["one", "two $(three) 'four'"]));
    expect(readFileSync(file, "utf8")).toBe(`# duet: begin dev\none\ntwo $(three) 'four'\n# duet: end dev\n${text}`);
    expect(run(lineFacts({ file, owner: "dev" }))).toBe(`lines in ${file}: one two $(three) 'four' \n`);
    run(dropLines({ file, owner: "dev" }));
    expect(readFileSync(file, "utf8")).toBe(text);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(["fstab"]);
  });

  it("leave what a user added meanwhile, before, between and after them", () => {
    writeFileSync(file, "theirs\n");
    run(putLines({ file, owner: "dev" }, ["ours"]));
    run(putLines({ file, owner: "dev.2" }, ["others"]));
    writeFileSync(file, `first\n${readFileSync(file, "utf8")}last`);
    run(dropLines({ file, owner: "dev" }));
    run(dropLines({ file, owner: "dev" }));
    expect(readFileSync(file, "utf8")).toBe("first\n# duet: begin dev.2\nothers\n# duet: end dev.2\ntheirs\nlast");
  });

  it("replace themselves, and nothing is written where nothing changes", () => {
    writeFileSync(file, "theirs\n");
    run(putLines({ file, owner: "dev" }, ["old"]));
    run(putLines({ file, owner: "dev" }, ["new"]));
    const { ino } = statSync(file);
    run(putLines({ file, owner: "dev" }, ["new"]));
    expect(statSync(file).ino).toBe(ino);
    expect(readFileSync(file, "utf8")).toBe("# duet: begin dev\nnew\n# duet: end dev\ntheirs\n");
  });

  it("take no more than a mark when its other one was removed by hand", () => {
    writeFileSync(file, "# duet: begin dev\nours\ntheirs\n");
    run(dropLines({ file, owner: "dev" }));
    expect(readFileSync(file, "utf8")).toBe("ours\ntheirs\n");
  });

  it("go where a symbolic link leads, and leave the link", () => {
    writeFileSync(join(folder, "real"), "theirs\n");
    symlinkSync("real", file);
    run(putLines({ file, owner: "dev" }, ["ours"]));
    run(dropLines({ file, owner: "dev" }));
    expect(readFileSync(join(folder, "real"), "utf8")).toBe("theirs\n");
    expect(readdirSync(folder).sort()).toEqual(["fstab", "real"]);
  });

  it("are refused for an owner that is no name", () => {
    fc.assert(
      fc.property(fc.string(), (owner) => {
        fc.pre(!/^[\w.-]+$/.test(owner));
        expect(() => putLines({ file: "/x", owner }, [])).toThrow("no name of a stack");
      }),
    );
  });
});
