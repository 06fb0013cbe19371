import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { sh } from "../../components/machine/shell.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { takeBack } from "./take-back.ts";

let folder: string;
let said: string[];

beforeEach(() => {
  folder = temporaryFolder("it's a stack-");
  said = [];
});

const say = (line: string) => said.push(line);
const file = (name: string) => join(folder, name);

/** The file of a step that a machine keeps, whose first run has failed. What takes it back goes with it. */
function failing(name: string, age: number, undo = sh`echo ${name} >>${file("undone")}`): void {
  mkdirSync(file("steps"), { recursive: true });
  const kept = file(`steps/${name}.sh`);
  writeFileSync(kept, `set -e; [ "$1" = delete ]; ${undo.shell}; rm -- "$0"\n`);
  const time = Date.now() / 1000 - age;
  utimesSync(kept, time, time);
}

describe("what Pulumi has forgotten", () => {
  it("is taken back, the newest first, and then there is nothing left to do", () => {
    failing("one", 20);
    failing("two", 10);
    takeBack(folder, [], say);
    expect(readFileSync(file("undone"), "utf8")).toBe("two\none\n");
    expect(said).toEqual(["two", "one"].map((step) => `step ${step} was begun and never done: taken back`));
    expect(readdirSync(file("steps"))).toEqual([]);
    takeBack(folder, [], say);
    expect(said).toHaveLength(2);
  });

  it("is taken back in the network of the stack", () => {
    failing("one", 0, sh`printf %s "$WHERE" >${file("where")}`);
    takeBack(folder, ["env", "WHERE=inside"], say);
    expect(readFileSync(file("where"), "utf8")).toBe("inside");
  });

  it("that cannot be taken back is named with the reason, and tried again", () => {
    failing("one", 0, sh`[ -e ${file("free")} ] || { echo 'is busy' >&2; exit 1; }`);
    expect(() => takeBack(folder, [], say)).toThrow(/step one\b.*: is busy; /);
    writeFileSync(file("free"), "");
    takeBack(folder, [], say);
    expect(existsSync(file("steps/one.sh"))).toBe(false);
  });

  it("is nothing if no step has run", () => {
    takeBack(folder, [], say);
    expect(said).toEqual([]);
  });
});
