import { readFileSync } from "node:fs";

/** What is counted of a report in vitest's JSON form, which is Jest's. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  /** Files, of which one that could not even be loaded has no tests to count. */
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

/** Adds up reports; a file that failed as a whole, in a hook or while it was loaded, is a failure of its own. */
export function count(reports: readonly Report[]): { passed: number; failed: number; skipped: number } {
  const sum = (of: (report: Report) => number): number => reports.reduce((total, report) => total + of(report), 0);
  const brokenFiles = (report: Report): number =>
    report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length;
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
  console.log(`${passed} passed, ${failed + lost} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  if (failed > 0 || passed === 0) {
    process.exitCode = 1;
  }
}
