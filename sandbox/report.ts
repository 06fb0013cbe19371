/** Does one named step, with what it is and how long it took on standard error. */
export type Report = <T>(step: string, work: () => T | Promise<T>) => Promise<T>;

/** A message for the person at the terminal: one line, no stack. */
export class UserError extends Error {}

/** Reports to standard error, each line starting with the part that speaks. */
export function reportTo(part: string): Report {
  return async (step, work) => {
    const begin = performance.now();
    process.stderr.write(`${part}: ${step}\n`);
    const result = await work();
    process.stderr.write(`${part}: ${step}: done in ${((performance.now() - begin) / 1000).toFixed(1)} s\n`);
    return result;
  };
}

/** Runs an entry point: a UserError becomes one line and exit code 1. */
export async function entryPoint(part: string, main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof UserError)) {
      throw error;
    }
    process.stderr.write(`${part}: ${error.message}\n`);
    process.exitCode = 1;
  }
}
