import { run } from "../launcher/run.ts";

/**
 * Runs a program that has the terminal from then on, and ends as it does. Ctrl-C is the program's: gdb and ssh have a use
 * for it. Ctrl-Z stops both, and the shell has the terminal again.
 *
 * @throws UserError if there is no such program
 */
export async function handOver(command: readonly string[]): Promise<void> {
  process.exitCode = await run(command, { environment: process.env, directory: process.cwd() });
}

/** Words of a command that was printed for a shell, with more behind them. */
export function printed(command: string, more: readonly string[] = []): readonly string[] {
  return ["bash", "-c", `exec ${command} "$@"`, "bash", ...more];
}
