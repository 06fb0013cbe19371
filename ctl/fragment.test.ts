import { describe, expect, it } from "vitest";
import { changedLines, withLines } from "./fragment.ts";

const before = "# Linux/x86\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\n";

describe("the lines that differ", () => {
  it("are what each changed symbol is now", () => {
    const after = "# Linux/x86, again\nCONFIG_A=y\nCONFIG_B=y\n# CONFIG_C is not set\nCONFIG_D=12\n";
    expect(changedLines(before, after)).toEqual(["CONFIG_B=y", "# CONFIG_C is not set", "CONFIG_D=12"]);
    expect(changedLines(before, before)).toEqual([]);
  });
});

describe("a fragment", () => {
  it("says a line in the place of what it said of the same symbol, and else at its end", () => {
    const fragment = "# For gdb:\nCONFIG_A=y\n\n# Small:\n# CONFIG_AB is not set\nCONFIG_C=m\n\n";
    expect(withLines(fragment, ["# CONFIG_A is not set", "CONFIG_AB=y", "CONFIG_D=12"])).toBe(
      "# For gdb:\n# CONFIG_A is not set\n\n# Small:\nCONFIG_AB=y\nCONFIG_C=m\nCONFIG_D=12\n",
    );
  });

  it("may be empty", () => {
    expect(withLines("", ["CONFIG_A=y"])).toBe("CONFIG_A=y\n");
  });
});
