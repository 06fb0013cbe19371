import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

describe("the provider", () => {
  it("says on which port it listens, and ends when its engine has ended, however that did", async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], { stdio: "pipe" });
    const ended = new Promise((resolve) => child.on("exit", resolve));
    const port = await new Promise((resolve) => child.stdout.once("data", (data) => resolve(String(data))));
    expect(port).toMatch(/^\d+\n$/);
    expect(child.exitCode).toBeNull();
    child.stdin.end();
    expect(await ended).toBe(0);
  });
});
