import { readFileSync } from "node:fs";

/** What is counted of a report in vitest's JSON form, which is Jest's. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  /** Files, of which one that could not be loaded, or whose hook failed, has failed without a test that has. */
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** Adds up reports; a file that failed as a whole, in a hook or while it was loaded, is a failure of its own. */
export function count(reports: readonly Report[]): { passed: number; failed: number; skipped: number } {
  const sum = (of: (report: Report) => number): number => reports.reduce((total, report) => total + of(report), 0);
  const brokenFiles = (report: Report): number =>
    report.testResults.filter(
      ({ status, assertionResults }) =>
        status === "failed" && !assertionResults.some((test) => test.status === "failed"),
    ).length;
  return {
    passed: sum((report) => report.numPassedTests),
    failed: sum((report) => report.numFailedTests + brokenFiles(report)),
    skipped: sum((report) => report.numPendingTests),
  };
}

if (import.meta.main) {
  const read = (file: string): Report[] => {
    try {
      return [JSON.parse(readFileSync(file, "utf8"))];
    } catch {
      console.error(`${file} was not written: that run ended before its end`);
      process.exitCode = 1;
      return [];
    }
  };
  const { passed, failed, skipped } = count(process.argv.slice(2).flatMap(read));
  const lost = process.exitCode === 1 ? 1 : 0;
  if (skipped > 0) {
    console.log(`${skipped} skipped`);
  }
  console.log(`${passed} passed, ${failed + lost} failed`);
  if (failed > 0 || passed === 0) {
    process.exitCode = 1;
  }
}
