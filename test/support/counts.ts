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

/** What became of one run of vitest. */
export interface Run {
  /** Its exit status: not 0 either if something fails between two tests, which no report has. */
  readonly status: number;
  /** Undefined if it ended before it had written one. */
  readonly report: Report | undefined;
}

/** Files that failed as a whole, in a hook or while they were loaded. */
function brokenFiles({ testResults }: Report): number {
  return testResults.filter(
    ({ status, assertionResults }) => status === "failed" && !assertionResults.some((test) => test.status === "failed"),
  ).length;
}

/** The failures in a run: what its report has, and one if the run failed without any. */
function failures({ status, report }: Run): number {
  const told = report === undefined ? 0 : report.numFailedTests + brokenFiles(report);
  return told === 0 && (status !== 0 || report === undefined) ? 1 : told;
}

/** Adds up runs. */
export function count(runs: readonly Run[]): { passed: number; failed: number; skipped: number } {
  const sum = (of: (run: Run) => number): number => runs.reduce((total, run) => total + of(run), 0);
  return {
    passed: sum(({ report }) => report?.numPassedTests ?? 0),
    failed: sum(failures),
    skipped: sum(({ report }) => report?.numPendingTests ?? 0),
  };
}

function read(file: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    console.error(`${file} was not written: that run ended before its end`);
    return undefined;
  }
}

// Its words are pairs of an exit status and the file of a report.
if (import.meta.main) {
  const words = process.argv.slice(2);
  const runs = words.flatMap((status, at) =>
    at % 2 === 0 ? [{ status: Number(status), report: read(words[at + 1] ?? "") }] : [],
  );
  const { passed, failed, skipped } = count(runs);
  if (skipped > 0) {
    console.log(`${skipped} skipped`);
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}
