import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { run } from "./run.ts";

const options = { environment: process.env, directory: "/" };
const shell = (script: string) => ["sh", "-c", script];

/**
 * A launcher that runs a shell script, in a session of its own as without a terminal.
 *
 * @param script prints "ready" when it may be signalled
 */
async function launcher(
  script: string,
): Promise<{ child: ChildProcess; output: () => string; status: () => Promise<number> }> {
  const program = `import { run } from ${JSON.stringify(join(import.meta.dirname, "run.ts"))};
process.exitCode = await run(["sh", "-c", process.argv[1]], { environment: process.env, directory: "/" });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, script], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const closed = once(child, "close");
  while (!printed.includes("ready")) {
    await once(child.stdout!, "data");
  }
  return { child, output: () => printed, status: async () => (await closed)[0] };
}

/** Counts the signals it gets, and ends in its own time, with a status of its own. */
const counting = `count=0; trap 'count=$((count + 1))' INT TERM; echo ready
for _ in $(seq 16); do sleep 0.1; done; echo "signals: $count"; exit 7`;

describe("a command", () => {
  it("runs to its end, whose status is that of the launcher", async () => {
    expect(await run(shell("exit 3"), options)).toBe(3);
    expect(await run(shell("kill -KILL $$"), options)).toBe(137);
  });

  it("runs in the directory and the environment that it is given", async () => {
    const script = '[ "$(pwd)" = / ] && [ "$PWD" = / ] && [ "$OWN" = yes ] && [ -z "$HOME" ]';
    expect(await run(shell(script), { environment: { PATH: process.env.PATH, OWN: "yes" }, directory: "/" })).toBe(0);
  });

  it("that is not there is one line", async () => {
    await expect(run(["/nowhere/pulumi"], options)).rejects.toThrow(/^cannot run \/nowhere\/pulumi: .*ENOENT/);
  });
});

describe("a signal", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("of %s reaches the command, and its end is waited for", async (signal) => {
    const { child, output, status } = await launcher(counting);
    child.kill(signal);
    expect(await status()).toBe(7);
    expect(output()).toContain("signals: 1");
  });

  it("that comes several times at once, as npm and timeout(1) hand it on, reaches the command once", async () => {
    const { child, output, status } = await launcher(counting);
    process.kill(-child.pid!, "SIGINT");
    child.kill("SIGINT");
    expect(await status()).toBe(7);
    expect(output()).toContain("signals: 1");
  });

  it("that is repeated on purpose reaches it twice", async () => {
    const { child, output, status } = await launcher(counting);
    child.kill("SIGINT");
    await sleep(1300);
    child.kill("SIGINT");
    expect(await status()).toBe(7);
    expect(output()).toContain("signals: 2");
  });

  it("of a hangup asks the command to end in order", async () => {
    const { child, status } = await launcher(
      "trap 'exit 9' TERM; trap 'exit 8' HUP; echo ready; while :; do sleep 0.1; done",
    );
    child.kill("SIGHUP");
    expect(await status()).toBe(9);
  });
});

it("ends a command which has become hopeless", async () => {
  let why: string | undefined;
  setTimeout(() => {
    why = "what it waits for has died";
  }, 100);
  const script = "trap 'exit 5' TERM; while :; do sleep 0.1; done";
  const told: string[] = [];
  const onEnd = (why: string) => told.push(why);
  expect(await run(shell(script), { ...options, hopeless: () => why, onEnd })).toBe(5);
  expect(told).toEqual(["what it waits for has died"]);
});
