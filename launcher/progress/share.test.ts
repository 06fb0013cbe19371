import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { Counter, keepTimes, readTimes } from "./share.ts";

/** A counter that has been told lines. */
const counted = (...lines: readonly string[]): Counter => {
  const counter = new Counter();
  for (const line of lines) counter.count(line);
  return counter;
};
const objects = (count: number) => Array.from({ length: count }, (_, at) => `  CC      fs/ext4/f${at}.o`);

describe("how far something is", () => {
  it("is known of a kernel by its objects, and by nothing else that make prints", () => {
    const other = ["  AR      fs/built-in.a", "  LD      vmlinux.o", "  GEN     Makefile", "a: warning: b.o"];
    const counter = counted("objects to make: 400", ...objects(99), "  AS      lib/a.o", ...other);
    expect(counter.share(60, undefined)).toEqual({ done: 0.25, left: 180 });
  });

  it("is known of a clone, and of packages, by what git and apt say", () => {
    const clone = counted("Cloning into 'a'...", "remote: Counting objects: 100%", "Receiving objects:  40%");
    expect(clone.share(60, undefined)).toEqual({ done: 0.4, left: 90 });
    const begun = ["1 upgraded, 3 newly installed, 0 to remove and 3 not upgraded.", "Unpacking gdb (13.1-3) ..."];
    expect(counted(...begun, "Setting up gdb (13.1-3) ...").share(10, undefined)).toEqual({ done: 0.25, left: 30 });
  });

  it("is known by the last time: by its lines, if there were many, and else by how long it took", () => {
    expect(counted(...objects(50)).share(20, { seconds: 300, lines: 100 })).toEqual({ done: 0.5, left: 20 });
    expect(counted("a").share(20, { seconds: 80, lines: 3 })).toEqual({ done: 0.25, left: 60 });
    expect(counted().share(1, { seconds: 80, lines: 3 })).toEqual({ done: 1 / 80, left: 79 });
  });

  it("is not known of what is new, is soon over, has only begun, or has gone over what was expected", () => {
    expect(counted("a").share(20, undefined)).toBeUndefined();
    expect(counted("a").share(1, { seconds: 2, lines: 3 })).toBeUndefined();
    expect(counted("objects to make: 4000", ...objects(9)).share(9, undefined)).toBeUndefined();
    expect(counted(...objects(9)).share(90, { seconds: 80, lines: 3 })).toBeUndefined();
    expect(counted("objects to make: 8", ...objects(9)).share(90, undefined)).toBeUndefined();
  });
});

it("what took its time is remembered, and a file of another kind is nothing", () => {
  const file = `${temporaryFolder("duet-times-")}/times.json`;
  expect(readTimes(file).size).toBe(0);
  const long = { seconds: 9, lines: 2 };
  keepTimes(file, new Map(Object.entries({ long, short: { seconds: 0.5, lines: 2 } })));
  expect([...readTimes(file)]).toEqual([["long", long]]);
});
