/**
 * How much the start of duetctl costs where it talks to nothing, beside Node that does nothing, in turns. Prints the
 * median of processor seconds of each, and the ratio; the aim is less than 0.2 s.
 *
 * Usage: npm run bench:start [-- ROUNDS]. Defaults to 15 rounds.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { median } from "./median.ts";

const rounds = Number(process.argv[2] ?? 15);
const duetctl = join(import.meta.dirname, "../bin/duetctl");
const timed = {
  node: [process.execPath, "-e", "0"],
  duetctl: [duetctl, "--help"],
};

/** Processor seconds of a command, and of what it starts. */
function seconds(words: readonly string[]): number {
  const line = 'TIMEFORMAT="%U %S"; { time "$@" >/dev/null; } 2>&1';
  const [user = Number.NaN, system = Number.NaN] = execFileSync("bash", ["-c", line, "bash", ...words], {
    encoding: "utf8",
  })
    .split(" ")
    .map(Number);
  return user + system;
}

const times = Array.from({ length: rounds }, () => ({ node: seconds(timed.node), duetctl: seconds(timed.duetctl) }));
const [node, own] = [median(times.map((one) => one.node)), median(times.map((one) => one.duetctl))];
console.log(
  `node: ${node.toFixed(3)} s; duetctl --help: ${own.toFixed(3)} s, ${(own / node).toFixed(2)} times as much`,
);
