import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { foldedPaths } from "../components/kernel/flame-graph.ts";
import { scriptText } from "../components/machine/script-text.ts";
import { type Shell, sh } from "../components/machine/shell.ts";
import { CtlError, exitCodes } from "./exit.ts";
import { drawFlameGraph, requireDrawing } from "./flame-graph.ts";
import { meantGuest } from "./guest.ts";
import { handOver, printed } from "./hand-over.ts";
import type { Standing } from "./standing.ts";

/** Runs perf in a guest with the words given, as root and with the terminal, and ends as it does. */
export async function runPerf(stack: Standing, guest: string | undefined, words: readonly string[]): Promise<void> {
  const { sshCommand } = meantGuest(stack, guest);
  // With a terminal of its own there, what comes from it is one stream, and its lines end as a terminal's do.
  const terminal = process.stdin.isTTY && process.stdout.isTTY ? ["-t"] : [];
  const script = scriptText(import.meta.url, "perf.sh", { words });
  await handOver(printed(sshCommand, [...terminal, sh`bash -c ${script}`.shell]));
}

/** What is drawn. */
export interface Recording {
  /** Path of the picture to be written. */
  readonly file: string;
  /** Name of the event of which the call paths are recorded. Defaults to time. */
  readonly event: string | undefined;
  /** What is run in the guest meanwhile. */
  readonly command: readonly string[];
}

/**
 * Records what a command does in a guest, with its call paths, and draws that on this host.
 *
 * @throws CtlError if there is no picture
 */
export async function recordFlameGraph(stack: Standing, guest: string | undefined, asked: Recording): Promise<void> {
  const { file, event, command } = asked;
  requireDrawing(file);
  const data = `/var/tmp/duet-${randomUUID()}.data`;
  // Of an event each is recorded; of time a thousand samples a second, as the stack of each takes 8 KiB.
  const what = event === undefined ? ["-F", "999"] : ["-e", event];
  await runPerf(stack, guest, ["record", "-q", "--call-graph", "dwarf", ...what, "-o", data, "--", ...command]);
  const status = process.exitCode;
  const folded = answerOf(stack, guest, sh`if [ -s ${data} ]; then ${foldedPaths(data)}; fi; rm -f -- ${data}`);
  if (folded === "") {
    // perf or ssh has said why.
    if (status === exitCodes.done) {
      throw new CtlError(
        exitCodes.failed,
        "cannot draw a flame graph: perf has no sample of it; have it run for longer",
      );
    }
    return;
  }
  drawFlameGraph(file, folded, command.join(" "), event === undefined ? "samples" : "events");
  process.stderr.write(`duetctl: the flame graph is ${file}, for a browser\n`);
}

/** What a guest prints. @throws CtlError if ssh fails, which has said why */
function answerOf(stack: Standing, guest: string | undefined, script: Shell): string {
  const { name, sshCommand } = meantGuest(stack, guest);
  const [program = "", ...words] = printed(sshCommand, [script.shell]);
  const { status, stdout } = spawnSync(program, words, {
    encoding: "utf8",
    maxBuffer: 2 ** 29,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) {
    throw new CtlError(exitCodes.failed, `cannot read what perf has recorded in ${name}: ssh ended with ${status}`);
  }
  return stdout;
}
