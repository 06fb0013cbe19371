import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Updates of a stack that are remembered. Pulumi remembers all of them, each with the whole of the state. */
const kept = 20;

/** Files of one update, `STACK-NANOSECONDS.history.json` and others. Source: pulumi's pkg/backend/diy. */
const ofUpdate = /^(.+-\d+)\.(?:history|checkpoint)\./;

/** Forgets the updates of a stack of the embedded host but for the last ones. */
export function trimHistory(backend: string, stack: string): void {
  const folder = join(backend, ".pulumi/history/duet", stack);
  const files = existsSync(folder) ? readdirSync(folder) : [];
  const updateOf = (file: string): string => ofUpdate.exec(file)?.[1] ?? "";
  const updates = [...new Set(files.map(updateOf))].filter(Boolean).sort();
  const old = new Set(updates.slice(0, -kept));
  for (const file of files.filter((name) => old.has(updateOf(name)))) {
    rmSync(join(folder, file), { force: true });
  }
}
