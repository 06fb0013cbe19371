import { chmodSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { runBash, runLibrary, type Stubs } from "../../../test/support/run-script.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { scriptText } from "../script-text.ts";
import { sh } from "../shell.ts";

/** An id that no account has, which is no obstacle. */
const developer = { uid: 54321, gid: 54322 };
const run = (call: string, stubs: Stubs = {}) =>
  runLibrary(scriptText(import.meta.url, "developer.sh", developer), call, { stubs });

describe.runIf(process.getuid?.() === 0)("work as the developer", () => {
  it("has the developer's ids, and none of root's groups", async () => {
    expect(await run("as_developer id -G")).toMatchObject({ code: 0, stdout: "54322\n" });
    expect((await run("as_developer id -u")).stdout).toBe("54321\n");
  });

  it("has the developer's home and name, the way to the internet, and none of root's settings", async () => {
    const getent = `[ "$*" = 'passwd 54321' ] && echo 'dev:x:54321:54322::/home/it is:/bin/sh'`;
    const settings = "XDG_CONFIG_HOME=/root/c XDG_STATE_HOME=/x XDG_RUNTIME_DIR=/run/user/0 LANG=de_DE CFLAGS=-O9";
    const proxy = "http_proxy='http://it is:1'";
    // The library is read where a step begins: what is exported then is its caller's.
    const library = scriptText(import.meta.url, "developer.sh", developer);
    const said = await runBash(`export ${settings} ${proxy}\n${library}\nas_developer env`, { stubs: { getent } });
    const seen = said.stdout.trim().split("\n");
    expect(seen).toEqual(
      expect.arrayContaining(["HOME=/home/it is", "USER=dev", "LOGNAME=dev", "LC_ALL=C", "http_proxy=http://it is:1"]),
    );
    const names = seen.map((line) => line.split("=")[0]);
    expect(names.filter((name) => !/^(?:HOME|USER|LOGNAME|LC_ALL|PATH|\w+_proxy|SSH_AUTH_SOCK)$/i.test(name!))).toEqual(
      [],
    );
  });

  it("gets its words as they are, and settings before them", async () => {
    const words = ["a b", "$(x)", "'", "", "*"];
    const print = `printf '%s|' "$SETTING" "$@"`;
    const call = sh`as_developer env ${"SETTING=it's"} bash -c ${print} - ${words}`.shell;
    expect((await run(call)).stdout).toBe(`it's|${words.join("|")}|`);
  });

  it("may be a function, with those that it needs, whatever its words are", async () => {
    const functions = `second() { printf '%s\\0' "$@"; id -u; }\nfirst() { second "$@"; false; echo after; }`;
    const word = fc.oneof(
      fc.string({ unit: "binary" }).map((it) => it.replaceAll("\0", "")),
      fc.constantFrom("$(touch /canary)", "`id`", "'; id; '", '"; id; "', "\n", "", "*", "\\", "--help", "}", "$1"),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 6 }), async (words) => {
        const ran = await run(`${functions}\n${sh`developer_does second first ${words}`.shell} || echo "status $?"`);
        expect(ran.stdout.split("\0")).toEqual([...words, "54321\nstatus 1\n"]);
      }),
      { numRuns: 25 },
    );
  });

  it("is done as it is by the developer's own steps", async () => {
    const library = scriptText(import.meta.url, "developer.sh", developer);
    const enter = ["setpriv", "--reuid=54321", "--regid=54322", "--clear-groups", "env", "HOME=/"];
    const ran = await runLibrary(library, "as_developer id -G; as_developer id -u", { enter });
    expect(ran).toMatchObject({ code: 0, stdout: "54322\n54321\n", stderr: "" });
  });

  it("may end with the function's own words", async () => {
    const ran = await run("first() { die 'cannot do it: a; b'; }\ndeveloper_does '' first");
    expect(ran).toMatchObject({ code: 1, stderr: "cannot do it: a; b\n" });
  });
});

describe.runIf(process.getuid?.() === 0)("a file of the developer's", () => {
  let root: string;
  beforeEach(() => {
    root = temporaryFolder("dev-");
    chmodSync(root, 0o777);
  });

  it("belongs to the developer", async () => {
    const file = join(root, "made");
    expect((await run(sh`as_developer touch ${file}; stat -c %u:%g ${file}`.shell)).stdout).toBe("54321:54322\n");
  });
});
