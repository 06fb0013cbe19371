import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { expect, it } from "vitest";

const module = new URL("./hand-over.ts", import.meta.url);
const program = `const { handOver } = await import(${JSON.stringify(module)});
await handOver(["bash", "-c", "trap 'exit 7' INT TERM; echo ready; while :; do sleep 0.1; done"]);`;

it.each(["SIGINT", "SIGTERM"] as const)("a program gets a %s that no terminal hands it", async (signal) => {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  child.kill(signal);
  expect(await once(child, "exit")).toEqual([7, null]);
});

it("a program that a signal ends is told by the exit status", async () => {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program.replace(/trap.*?;/, "")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([128 + constants.signals.SIGTERM, null]);
});
