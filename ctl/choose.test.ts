import { describe, expect, it } from "vitest";
import { chooseGuest, chooseStack } from "./choose.ts";
import { CtlError, exitCodes } from "./exit.ts";
import { guestAndWords } from "./guest.ts";

/** What is thrown, as the person at the terminal gets it. */
function refused(work: () => unknown): { message: string; exitCode: number } {
  try {
    work();
  } catch (error) {
    if (error instanceof CtlError) {
      return { message: error.message, exitCode: error.exitCode };
    }
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("the guest that is meant", () => {
  it("is the one that is named, or the only one", () => {
    expect(chooseGuest("dev", undefined, ["one"])).toBe("one");
    expect(chooseGuest("dev", "two", ["one", "two"])).toBe("two");
  });

  it("is asked for in one line that lists them, if there are several, or another one is named", () => {
    const several = refused(() => chooseGuest("dev", undefined, ["one", "two"]));
    expect(several).toEqual({
      message: "cannot choose a guest: stack dev has one, two; name one of them",
      exitCode: exitCodes.usage,
    });
    expect(refused(() => chooseGuest("dev", "three", ["one", "two"])).message).toMatch(/guest three: .* one, two;/);
    expect(refused(() => chooseGuest("dev", undefined, [])).exitCode).toBe(exitCodes.noStack);
  });
});

describe("the stack that is meant", () => {
  it("is the one that is named, else the selected one, else the only one that stands", () => {
    expect(chooseStack("a", "b", ["c", "d"])).toBe("a");
    expect(chooseStack(undefined, "b", ["c", "d"])).toBe("b");
    expect(chooseStack(undefined, undefined, ["c"])).toBe("c");
    expect(chooseStack(undefined, undefined, [])).toBeUndefined();
  });

  it("is asked for in one line that lists them, if several stand", () => {
    const { message, exitCode } = refused(() => chooseStack(undefined, undefined, ["c", "d"]));
    expect(message).toBe("cannot choose a stack: there are c, d; name one with --stack");
    expect(exitCode).toBe(exitCodes.usage);
  });
});

describe("what follows --", () => {
  const typed = (...words: string[]) => {
    const line = ["node", "duetctl", "ssh", ...words];
    return guestAndWords(
      words.filter((word) => word !== "--"),
      line,
    );
  };

  it("is never the guest", () => {
    expect(typed("--", "uname", "-r")).toEqual({ guest: undefined, words: ["uname", "-r"] });
    expect(typed("one", "--", "uname", "-r")).toEqual({ guest: "one", words: ["uname", "-r"] });
    expect(typed("one")).toEqual({ guest: "one", words: [] });
    expect(typed()).toEqual({ guest: undefined, words: [] });
  });

  it("may be without --, behind a guest", () => {
    expect(typed("one", "uname")).toEqual({ guest: "one", words: ["uname"] });
  });
});
