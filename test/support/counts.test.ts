import { execFileSync, spawnSync } from "node:child_process";
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

describe("the counts of several reports", () => {
  it("are added up", () => {
    expect(count([report(3, 0, 1), report(4, 2, 0)])).toEqual({ passed: 7, failed: 2, skipped: 1 });
  });

  it("have a failure for a file that could not be loaded or whose hook failed, and none more if a test failed", () => {
    const broken = report(3, 1, 0, [file("failed"), file("failed", "passed"), file("failed", "passed", "failed")]);
    expect(count([broken])).toEqual({ passed: 3, failed: 3, skipped: 0 });
  });
});

describe("the program", () => {
  const folder = mkdtempSync(join(tmpdir(), "duet-counts-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const program = join(import.meta.dirname, "counts.ts");
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const good = write("good.json", JSON.stringify(report(2, 0, 0)));

  it("prints one line, and succeeds if nothing failed", () => {
    expect(execFileSync(process.execPath, [program, good], { encoding: "utf8" })).toBe("2 passed, 0 failed\n");
  });

  it.each([
    ["a failure", JSON.stringify(report(2, 1, 0)), "4 passed, 1 failed\n"],
    ["half a report", '{"numPassedTests": 2,', "2 passed, 1 failed\n"],
  ])("fails for %s", (_, text, line) => {
    const ran = spawnSync(process.execPath, [program, good, write("bad.json", text)], { encoding: "utf8" });
    expect([ran.status, ran.stdout]).toEqual([1, line]);
  });

  it("fails if a report is missing, or if nothing was run", () => {
    const missing = spawnSync(process.execPath, [program, good, join(folder, "none.json")], { encoding: "utf8" });
    expect([missing.status, missing.stdout]).toEqual([1, "2 passed, 1 failed\n"]);
    const empty = spawnSync(process.execPath, [program, write("empty.json", JSON.stringify(report(0, 0, 0)))]);
    expect(empty.status).toBe(1);
  });
});
