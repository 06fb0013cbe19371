import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { beginHome, duetctl, home, standTwo } from "../test/support/duetctl.ts";

beforeEach(beginHome);

describe.runIf(process.getuid?.() === 0)("a stack that stands", () => {
  beforeEach(standTwo);

  it("has the last crash of a guest, and a list of all", () => {
    const folder = join(home, "state/duet/stacks/dev/crashes/one/reports");
    expect(duetctl(["crash", "one"])).toMatchObject({ status: 1, stderr: expect.stringContaining("no crash of one") });
    for (const [name, text] of [
      ["2026-01-01T00", "the first\n"],
      ["2026-01-02T00", "the last\n"],
    ] as const) {
      mkdirSync(join(folder, name), { recursive: true });
      writeFileSync(join(folder, name, "report.txt"), text);
    }
    // One that is being written.
    mkdirSync(join(folder, ".new-2026"));
    expect(duetctl(["crash", "one"])).toMatchObject({ status: 0, stdout: "the last\n" });
    expect(duetctl(["crash", "one", "--list"]).stdout).toBe(`${folder}/2026-01-01T00\n${folder}/2026-01-02T00\n`);
  });
});
