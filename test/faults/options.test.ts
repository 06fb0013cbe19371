import { describe, expect, it } from "vitest";
import { draw } from "./draw.ts";
import { faults } from "./list.ts";
import { faultOptions, replayCommand } from "./options.ts";

/** The words after `npm run faults --`, as a shell makes them. */
function wordsOf(command: string): readonly string[] {
  const [, rest = ""] = command.split(" -- ");
  return [...rest.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

describe("the options of the fault runner", () => {
  it("are by default each fault once, by a new seed", () => {
    const options = faultOptions([]);
    expect(options.from).toEqual(faults);
    expect(options.count).toBe(faults.length);
    expect(options.seed).not.toBe(faultOptions([]).seed);
  });

  it.each([
    [[]],
    [["--count", "45", "--seed", "3"]],
    [["--cheap", "--count", "4"]],
    [["--only", "mount gone", "--only", "UID changed", "--count", "5"]],
  ])("are had again by the command that is printed: %j", (words) => {
    const options = faultOptions(words);
    const again = faultOptions(wordsOf(replayCommand(options)));
    const drawn = ({ from, count, seed }: typeof options) => draw(from, count, seed).map(({ drawn }) => drawn.name);
    expect(drawn(again)).toEqual(drawn(options));
  });

  it.each([
    [["--count", "0"], "--count takes a whole number from 1"],
    [["--count", "many"], '--count takes a whole number from 1 to 10000, and was given "many"'],
    [["--seed", "-1"], "--seed"],
    [["--seed", "4294967296"], "--seed takes a whole number from 0 to 4294967295"],
    [["--only", "moon gone"], 'no fault is called "moon gone"; there are: '],
    [["--cheap", "--only", "domain undefined"], "no fault is left"],
    [["--fast"], "--fast"],
  ])("are refused with a line: %j", (words, line) => {
    expect(() => faultOptions(words)).toThrow(line);
  });
});
