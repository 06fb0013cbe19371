import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { count } from "./counts.ts";

const file = (status: string, ...tests: readonly string[]) => ({
  status,
  assertionResults: tests.map((status) => ({ status })),
});
const report = (passed: number, failed: number, skipped: number, files = [file("passed", "passed")]) => ({
  numPassedTests: passed,
  numFailedTests: failed,
  numPendingTests: skipped,
  testResults: files,
});

describe("the counts of several runs", () => {
  it("are added up", () => {
    const runs = [
      { status: 0, report: report(3, 0, 1) },
      { status: 1, report: report(4, 2, 0) },
    ];
    expect(count(runs)).toEqual({ passed: 7, failed: 2, skipped: 1 });
  });

  it("have a failure for a file that could not be loaded or whose hook failed, and none more if a test failed", () => {
    const broken = report(3, 1, 0, [file("failed"), file("failed", "passed"), file("failed", "passed", "failed")]);
    expect(count([{ status: 1, report: broken }])).toEqual({ passed: 3, failed: 3, skipped: 0 });
  });
});

describe("the program", () => {
  const folder = mkdtempSync(join(tmpdir(), "duet-counts-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const good = write("good.json", JSON.stringify(report(2, 0, 0)));
  const run = (...words: readonly string[]) => {
    const program = join(import.meta.dirname, "counts.ts");
    const { status, stdout } = spawnSync(process.execPath, [program, ...words], { encoding: "utf8" });
    return [status, stdout];
  };

  it("prints one line, and succeeds if nothing failed", () => {
    expect(run("0", good)).toEqual([0, "2 passed, 0 failed\n"]);
  });

  it.each([
    ["a failure", "1", JSON.stringify(report(2, 1, 0)), "4 passed, 1 failed\n"],
    ["an error that no test has", "1", JSON.stringify(report(2, 0, 0)), "4 passed, 1 failed\n"],
    ["half a report", "1", '{"numPassedTests": 2,', "2 passed, 1 failed\n"],
  ])("fails for %s", (_, status, text, line) => {
    expect(run("0", good, status, write("bad.json", text))).toEqual([1, line]);
  });

  it("fails if a report is missing, or if nothing was run", () => {
    expect(run("0", good, "0", join(folder, "none.json"))).toEqual([1, "2 passed, 1 failed\n"]);
    expect(run("0", write("empty.json", JSON.stringify(report(0, 0, 0))))).toEqual([1, "0 passed, 0 failed\n"]);
  });
});
