import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { commitHere, keepProgress, resumed } from "./progress.ts";

const progress = { commit: "abc", seed: 7, count: 50, struck: 12, survived: 11 };

it("is kept from one sitting to the next, for the same code alone", () => {
  const file = join(temporaryFolder("progress-"), "run.json");
  expect(resumed(file, "abc")).toBeUndefined();
  keepProgress(file, progress);
  expect(resumed(file, "abc")).toEqual(progress);
  expect(() => resumed(file, "def")).toThrow(/abc.*def/);
});

it("is of a commit, which is said with whether something was edited", () => {
  expect(commitHere()).toMatch(/^[0-9a-f]{40}(?: and edits)?$/);
});
