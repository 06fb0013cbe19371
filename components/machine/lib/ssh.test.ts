import { existsSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { runLibrary } from "../../../test/support/run-script.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { scriptText } from "../script-text.ts";
import { sh } from "../shell.ts";

let root: string;
beforeEach(() => {
  root = temporaryFolder("it's a guest-");
});

/** ssh hands its words, joined by spaces, to the login shell of the other side. */
const stubs = { ssh: 'shift 2; cd "$OTHER_SIDE"; exec bash -c "$*"' };
const run = (call: string) =>
  runLibrary(scriptText(import.meta.url, "ssh.sh", { ssh: ["ssh", "-F", "vm"] }), call, {
    stubs,
    before: sh`export OTHER_SIDE=${root}`.shell,
  });

describe("a function that runs in a guest", () => {
  const functions = `print() { printf '%s\\0' "$@"; }\nboth() { print "$@"; }`;

  it("gets its words as they are, whatever is in them, with the functions that it needs", async () => {
    const word = fc.oneof(
      fc.string({ unit: "binary" }).map((it) => it.replaceAll("\0", "")),
      fc.constantFrom("$(touch canary)", "`touch canary`", "'; touch canary; '", '"; touch canary; "', "\n", "*", "\\"),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 6 }), async (words) => {
        const ran = await run(`${functions}\n${sh`in_guest 10 print both ${words}`.shell}`);
        expect(ran.stdout.split("\0").slice(0, -1)).toEqual(words);
      }),
      { numRuns: 25 },
    );
    expect(existsSync(join(root, "canary"))).toBe(false);
  });

  it("is as strict as a step, says what it has to say, and gives its status", async () => {
    const ran = await run(`first() { false; echo after; }\nin_guest 10 '' first || echo "status $?"`);
    expect(ran.stdout).toBe("status 1\n");
    const died = await run("first() { die 'cannot do it: a; b'; }\nin_guest 10 '' first");
    expect(died).toMatchObject({ code: 1, stderr: "cannot do it: a; b\n" });
  });

  it("is given up after its time", async () => {
    expect((await run(`first() { sleep 60; }\nin_guest 1 '' first || echo "status $?"`)).stdout).toBe("status 124\n");
  });
});
