import { spawn } from "node:child_process";
import { constants } from "node:os";
import { UserError } from "../sandbox/report.ts";

/**
 * Runs a program that has the terminal from then on, and ends as it does. Ctrl-C is the program's: gdb and ssh have a use
 * for it. Ctrl-Z stops both, and the shell has the terminal again.
 */
export function handOver(command: readonly string[]): Promise<void> {
  const [program = "", ...words] = command;
  for (const signal of ["SIGINT", "SIGQUIT"] as const) {
    process.on(signal, () => {});
  }
  const child = spawn(program, words, { stdio: "inherit" });
  // A signal for this process alone is meant for what it stands for.
  for (const signal of ["SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => child.kill(signal));
  }
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new UserError(`cannot run ${program}: ${error.message}`)));
    child.on("exit", (code, signal) => {
      process.exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
      resolve();
    });
  });
}

/** Words of a command that was printed for a shell, with more behind them. */
export function printed(command: string, more: readonly string[] = []): readonly string[] {
  return ["bash", "-c", `exec ${command} "$@"`, "bash", ...more];
}
