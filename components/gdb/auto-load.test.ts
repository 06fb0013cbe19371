import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, localHost, localStep, scriptOf } from "../../test/support/mocks.ts";
import { lastLine, runStep } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";
import { AutoLoad } from "./auto-load.ts";

let home: string;
let file: string;

beforeEach(() => {
  home = temporaryFolder("home of o'dev-");
  file = join(home, ".gdbinit");
});

const script = (stack: string, directory = "/media/data/duet") =>
  scriptText(import.meta.url, "auto-load.sh", { home, stack, directory });
const allow = (stack = "sandbox", directory?: string) => runStep(script(stack, directory), "create");
const revoke = (stack = "sandbox") => runStep(script(stack), "delete");
const facts = async (stack = "sandbox") => (await runStep(script(stack), "facts")).stdout;

describe("gdb's init file", () => {
  it("is made if there is none, and is gone afterwards", async () => {
    expect(await allow()).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(file, "utf8")).toContain("\nadd-auto-load-safe-path /media/data/duet\n");
    expect(await facts()).toBe(`gdb reads: ${file}\nits lines: add-auto-load-safe-path /media/data/duet \n`);
    await allow();
    expect(readFileSync(file, "utf8").match(/add-auto-load/g)).toHaveLength(1);
    await revoke();
    await revoke();
    expect(readdirSync(home)).toEqual([]);
  });

  it("is the same afterwards, to the byte and the mode, whatever the user has in it", async () => {
    const lines = fc.array(fc.constantFrom("", "set pagination off", "# duet: begin other", " x", "\r", "é\\", "'"));
    await fc.assert(
      fc.asyncProperty(lines, fc.boolean(), async (rows, newline) => {
        const before = rows.join("\n") + (newline ? "\n" : "");
        writeFileSync(file, before, { mode: 0o640 });
        expect(await allow()).toMatchObject({ code: 0, stderr: "" });
        expect(readFileSync(file, "utf8").endsWith(before)).toBe(true);
        await allow();
        await revoke();
        expect(readFileSync(file, "utf8")).toBe(before);
        expect(statSync(file).mode & 0o777).toBe(0o640);
        rmSync(file);
      }),
      { numRuns: 15 },
    );
  });

  it("keeps what a user adds to a file that was made here", async () => {
    await allow();
    writeFileSync(file, `${readFileSync(file, "utf8")}set print pretty on\n`);
    await revoke();
    expect(readFileSync(file, "utf8")).toBe("set print pretty on\n");
  });

  it("holds the lines of two stacks, which go in any order", async () => {
    await allow("one", "/one");
    await allow("two", "/two");
    await revoke("one");
    expect(await facts("one")).toBe(`gdb reads: ${file}\nits lines: \n`);
    expect(await facts("two")).toContain("/two");
    await revoke("two");
    expect(existsSync(file)).toBe(false);
  });

  it("is repaired after a hand edit, which is drift", async () => {
    await allow();
    const before = await facts();
    writeFileSync(file, readFileSync(file, "utf8").replace("/media", "/other"));
    expect(await facts()).not.toBe(before);
    await allow();
    expect(await facts()).toBe(before);
  });

  it("loses nothing of the user's if a mark is gone", async () => {
    await allow();
    writeFileSync(file, `${readFileSync(file, "utf8").replace("# duet: end sandbox\n", "")}mine\n`);
    await revoke();
    expect(readFileSync(file, "utf8")).toContain("mine\n");
  });

  it("stays a symbolic link", async () => {
    writeFileSync(join(home, "dotfile"), "a\n");
    symlinkSync("dotfile", file);
    await allow();
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    await revoke();
    expect(readFileSync(join(home, "dotfile"), "utf8")).toBe("a\n");
  });

  it("is the one that gdb reads", async () => {
    mkdirSync(join(home, ".config/gdb"), { recursive: true });
    writeFileSync(join(home, ".config/gdb/gdbinit"), "echo mine\\n\n");
    await allow();
    expect(existsSync(file)).toBe(false);
    const { XDG_CONFIG_HOME: _, ...rest } = process.env;
    const env = { ...rest, HOME: home };
    const shown = execFileSync("gdb", ["-batch", "-ex", "show auto-load safe-path"], { env });
    expect(shown.toString()).toContain("/media/data/duet");
    await revoke();
    expect(readFileSync(join(home, ".config/gdb/gdbinit"), "utf8")).toBe("echo mine\\n\n");
  });

  it("says which home directory is missing", async () => {
    home = "/nowhere";
    expect(lastLine(await allow("s", "/d"))).toMatch(/^cannot let gdb load scripts below \/d: .*\/nowhere/);
  });

  it("gets no path that says more than a path", async () => {
    const of = (directory: string) => deploy(() => new AutoLoad("gdb-access", { host: localHost(), directory }));
    for (const directory of ["/a b", "/a:/", "/a\nshell id", "$cdir", "a", "/a'"]) {
      await expect(of(directory)).rejects.toThrow(/it takes no such path/);
    }
    const { file } = scriptOf(localStep(await of("/media/data/duet"), "gdb-access"));
    expect(file).toContain("\ndirectory=/media/data/duet\n");
  });
});
