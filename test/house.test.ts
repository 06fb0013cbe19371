import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { countHouse, readHouse } from "./house.ts";
import { ranOf } from "./support/ran.ts";

describe("the house", () => {
  const house = countHouse(readHouse());

  it("has scripts of 120 columns at most, as files", () => {
    expect(house.longest.columns, house.longest.place).toBeLessThanOrEqual(120);
    expect(house.longest.place).not.toBe("");
    expect(house.templates).toEqual([]);
  });

  it("has files of 300 lines at most", () => {
    expect(house.long).toEqual([]);
  });

  it("exports no function that only tests use", () => {
    expect(house.unused).toEqual([]);
  });

  it("has words for whatever the package exports, for the reference of the API", () => {
    expect(house.wordless).toEqual([]);
  });

  it("has scripts that shellcheck and shfmt find nothing in, and that carry no value into another interpreter", async () => {
    // Not spawnSync: vitest gives up on a worker that does not answer it for a minute.
    const ran = await ranOf(spawn("bash", [join(import.meta.dirname, "lint.sh")]));
    expect(ran).toMatchObject({ status: 0, stdout: "" });
  }, 300_000);
});

describe("what is counted", () => {
  const count = (files: Record<string, string>) => countHouse(new Map(Object.entries(files)));

  it("is the longest line of all scripts, and where it is", () => {
    const house = count({ "a/one.sh": "ab\nabcd\n", "a/two.sh": "abc\n", "a/three.ts": "const long = 1;\n" });
    expect(house.longest).toEqual({ columns: 4, place: "a/one.sh:2" });
  });

  it("is each sh template of more than one line, whatever stands in it", () => {
    const short = "const a = sh`a ${1} \\n b`;\nconst b = `x\ny`;\n";
    const text = "import { sh } from './sh.ts';\nconst c = f(sh`a ${\n  sh`b\nc`}`);\n";
    expect(count({ "a/one.ts": short, "a/two.ts": text }).templates).toEqual(["a/two.ts:2", "a/two.ts:3"]);
  });

  it("is each file of the product that is too long", () => {
    const text = "x\n".repeat(301);
    expect(count({ "a/b.sh": text, "a/b.test.ts": text, "toolchain/c.ts": text }).long).toEqual(["a/b.sh (301)"]);
  });

  it("is each export that no file of the product imports", () => {
    const files = {
      "a/one.ts": "export function used() {}\nexport function own() {}\nexport const arrow = () => own();\nown();\n",
      "a/two.ts":
        "import { used as other } from './one.ts';\nother();\nexport class Lazy {}\nexport const value = 1;\n",
      "a/three.ts": "const { Lazy } = await import('./two.ts');\n",
      "a/one.test.ts": "import { own } from './one.ts';\n",
      "a/index.ts": "export { arrow } from './one.ts';\n",
    };
    expect(count(files).unused).toEqual(["a/one.ts own"]);
  });

  it("is each export of the package without a word, and each of its members that others see", () => {
    const files = {
      "components/index.ts": "export { A, type B } from './a.ts';\n",
      "components/a.ts":
        "/** An a. */\nexport class A {\n  /** One. */\n  one = 1;\n  two = 2;\n  #three = 3;\n  constructor() {}\n}\n" +
        "export interface B {\n  /** Four. */\n  readonly four: number;\n}\nexport function own() {}\n",
    };
    expect(count(files).wordless).toEqual(["components/a.ts A.two", "components/a.ts B"]);
  });

  it("is lines, by room", () => {
    const rooms = count({ "a/b/c.ts": "1\n2\n", "a/d.test.ts": "1\n", "e.ts": "1\n", "test/f.ts": "1\n" }).rooms;
    expect(Object.fromEntries(rooms)).toEqual({
      a: { product: 2, tests: 1 },
      top: { product: 1, tests: 0 },
      test: { product: 0, tests: 1 },
    });
  });
});

describe("the program", () => {
  it("prints what it counts", () => {
    const printed = execFileSync(process.execPath, [join(import.meta.dirname, "house.ts")], { encoding: "utf8" });
    expect(printed).toMatch(/^longest line of a script: \d+ columns, \S+\.sh:\d+$/m);
    expect(printed).toMatch(/^components +\d+ lines, tests +\d+$/m);
  });
});
