import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { isInForeground } from "../sandbox/processes.ts";
import { UserError } from "../sandbox/report.ts";
import { say } from "./call.ts";

/** How a command is run to its end. */
export interface RunOptions {
  readonly environment: NodeJS.ProcessEnv;
  /** Absolute path of its current directory. */
  readonly directory: string;
  /** Asked each second: why the command cannot succeed any more, which ends it. Defaults to never. */
  readonly hopeless?: () => string | undefined;
  /** Takes why the command has been told to end, if it has. Defaults to nobody. */
  readonly onEnd?: (why: string) => void;
  /** File descriptor that takes both outputs of the command. Defaults to those of this process. */
  readonly output?: number | undefined;
  /** Says to the person at the terminal why the command is ended. Defaults to a line on standard error. */
  readonly say?: (line: string) => void;
}

/** Milliseconds in which a second signal is the same Ctrl-C again, as npm and timeout(1) hand it on. */
const echo = 1000;
/** Seconds that pulumi has to end what it is doing, before it is told again, which makes it let go. */
const grace = 15;

/**
 * Runs a command to its end, and gives its exit status; 128 and the signal's number if a signal ended it.
 *
 * pulumi takes the second Ctrl-C as an order to drop everything, so each reaches it just once: from the terminal, or
 * from here, if no terminal does it. The command is in a session of its own then.
 */
export function run(command: readonly string[], options: RunOptions): Promise<number> {
  const [program, ...words] = command as [string, ...string[]];
  const isSignalled = isInForeground(readFileSync("/proc/self/stat", "utf8"));
  let last = Number.NEGATIVE_INFINITY;
  const handOn = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (now - last > echo) {
      child.kill(signal);
    }
    last = now;
  };
  const handlers = {
    SIGINT: () => !isSignalled && handOn("SIGINT"),
    SIGQUIT: () => !isSignalled && handOn("SIGQUIT"),
    // pulumi dies of a hangup, and ends in order when it is asked to.
    SIGHUP: () => !isSignalled && handOn("SIGTERM"),
    SIGTERM: () => handOn("SIGTERM"),
  };
  const pairs = Object.entries(handlers).map(([signal, handle]) => {
    const told = () => {
      options.onEnd?.(`this run was ended by ${signal}`);
      handle();
    };
    return [signal as keyof typeof handlers, told] as const;
  });
  for (const [signal, handle] of pairs) {
    process.on(signal, handle);
  }
  // From here on a signal waits for this turn of the event loop, and finds the command.
  const child = spawn(program, words, {
    stdio: ["inherit", options.output ?? "inherit", options.output ?? "inherit"],
    cwd: options.directory,
    // Go and the shell take the current directory from PWD if they can.
    env: { ...options.environment, PWD: options.directory },
    detached: !isSignalled,
  });
  const watch = endWhenHopeless(options, () => child.kill("SIGTERM"));
  return new Promise<number>((resolve, reject) => {
    child.on("error", (error) => reject(new UserError(`cannot run ${program}: ${error.message}`)));
    child.on("exit", (status, signal) => resolve(status ?? 128 + (signal ? constants.signals[signal] : 0)));
  }).finally(() => {
    clearInterval(watch);
    for (const [signal, handle] of pairs) {
      process.off(signal, handle);
    }
  });
}

function endWhenHopeless(
  { hopeless, onEnd, say: tell = say }: RunOptions,
  ask: () => void,
): NodeJS.Timeout | undefined {
  let seconds: number | undefined;
  if (hopeless === undefined) {
    return undefined;
  }
  return setInterval(() => {
    const why = seconds === undefined ? hopeless() : undefined;
    if (why !== undefined) {
      tell(`${why}: this run is ended`);
      onEnd?.(why);
      seconds = 0;
      ask();
    } else if (seconds !== undefined && ++seconds % grace === 0) {
      ask();
    }
  }, 1000);
}
