import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Waits until something is there, as long as the test may last. */
export async function until<T>(found: () => T | undefined | false): Promise<T> {
  for (;;) {
    const value = found();
    if (value) return value;
    await sleep(10);
  }
}

/** The process id that is, or will be, in a file. */
export const pidIn = (file: string): Promise<number> =>
  until(() => existsSync(file) && Number(readFileSync(file, "utf8")));

/** Whether a process runs; one that has ended and waits to be collected does not. */
export function runs(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
