import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lastLine, runScript } from "../../test/run-script.ts";
import { fail, result } from "./result.ts";
import { sh } from "./shell.ts";

describe("what a step hands on", () => {
  it("is the last line of each key, whatever else was printed", () => {
    const stdout = "make: Entering\nrelease: 6.0\nbuild id: 12\n: no key\nrelease: 6.1: rc1 \n";
    expect(result(stdout, ["release", "build id"])).toMatchObject({ release: "6.1: rc1", "build id": "12" });
  });

  it("may be empty", () => {
    expect(result("commit: \n", ["commit"]).commit).toBe("");
  });

  it("is missing with all of its keys, and with the end of what was printed", () => {
    expect(() => result("a: 1\nthe end", ["a", "b", "c"])).toThrow('a step printed no b and no c: "a: 1\\nthe end"');
  });

  it("comes back for any value of one line", () => {
    const line = fc.string().map((text) => text.replaceAll(/[\r\n]/g, "").trim());
    fc.assert(
      fc.property(line, (value) => {
        expect(result(`hash: ${value}\n`, ["hash"]).hash).toBe(value);
      }),
    );
  });
});

describe("fail", () => {
  it("ends the script with its one line", async () => {
    const ran = await runScript(sh`false || ${fail(sh`${"it's $(broken)"}`)}; echo after`);
    expect(ran).toMatchObject({ code: 1, stdout: "", stderr: "it's $(broken)\n" });
  });

  it("ends a script from within a condition", async () => {
    const ran = await runScript(sh`if true; then ${fail(sh`"a $((1 + 1))"`)}; fi; echo after`);
    expect(ran.stdout).toBe("");
    expect(lastLine(ran)).toBe("a 2");
  });
});
