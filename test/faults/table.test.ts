import { describe, expect, it } from "vitest";
import type { Outcome } from "./run.ts";
import { tablePage } from "./table.ts";

const args = { machine: "2 processors, guests under TCG" };
const outcome = (fault: string, more: Partial<Outcome> = {}): Outcome => ({
  fault,
  problem: undefined,
  said: [`${fault}: expected a, found b`],
  done: [{ type: "command:local:Command", name: "one-boot", operation: "updated" }],
  seconds: { preview: 4.4, up: 12.6 },
  ...more,
});
const rows = (page: string) => page.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| ---"));

describe("the table of drift", () => {
  it("has a row for each fault that was met, in the order of the list, with its last outcome", () => {
    const page = tablePage(["a", "b", "c"], [outcome("c"), outcome("a", { said: [] }), outcome("a")], args);
    expect(rows(page).slice(1)).toEqual([
      "| a | a: expected a, found b | 4 s | one-boot updated | 13 s |",
      "| c | c: expected a, found b | 4 s | one-boot updated | 13 s |",
    ]);
    expect(page).toContain(args.machine);
  });

  it("keeps the row of an earlier run if this one has not met the fault, and no other", () => {
    const earlier = tablePage(["a", "b", "gone"], [outcome("a"), outcome("b"), outcome("gone")], args);
    const page = tablePage(["a", "b"], [outcome("b", { said: [] })], { ...args, earlier });
    expect(rows(page).slice(1)).toEqual([
      "| a | a: expected a, found b | 4 s | one-boot updated | 13 s |",
      "| b | nothing | 4 s | one-boot updated | 13 s |",
    ]);
  });

  it("says nothing of the reading of facts, and says so if nothing is left to say", () => {
    const facts = [{ type: "duet:machine:Facts", name: "host", operation: "updated" }];
    const [, row] = rows(tablePage(["a"], [outcome("a", { said: [], done: facts })], args));
    expect(row).toBe("| a | nothing | 4 s | nothing | 13 s |");
  });

  it("keeps to its cells, whatever was said", () => {
    const said = ["a | b <c>", "x".repeat(500)];
    const [, row = ""] = rows(tablePage(["a"], [outcome("a", { said })], args));
    expect(row.replaceAll("\\|", "").match(/\|/g)).toHaveLength(6);
    expect(row).toContain("&lt;c>");
    expect(row.length).toBeLessThan(300);
  });

  it("does not hide what was not survived", () => {
    const lost = outcome("a", { problem: "preview does not name one-boot", done: [], seconds: { preview: 3 } });
    expect(rows(tablePage(["a"], [lost], args))[1]).toBe("| a | a: expected a, found b | 3 s | **not survived** |  |");
  });
});
