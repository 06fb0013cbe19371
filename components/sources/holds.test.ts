import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { lastLine, type RunOptions, runLibrary } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script-text.ts";
import { sh } from "../machine/shell.ts";

const isRoot = process.getuid?.() === 0;
const developer = { uid: isRoot ? 54321 : (process.getuid?.() ?? 0), gid: isRoot ? 54322 : (process.getgid?.() ?? 0) };
let root: string;
let directory: string;
let records: string;
beforeEach(() => {
  records = temporaryFolder("records-");
  root = temporaryFolder("it's held-");
  directory = join(root, "media $(x)", "data", "duet");
});

const run = (stack: string, call: string, what = "duet-kernel", options: RunOptions = {}) => {
  const script = scriptText(import.meta.url, "holds.sh", { directory, what, stack, ...developer });
  return runLibrary(`records=${records}\n${script}`, call, options);
};
const take = (stack: string, what?: string) => run(stack, "take_turn; take_hold", what);
const release = (stack: string, what?: string, last = "echo last") =>
  run(stack, `last() { ${last}; }\nrelease_hold last`, what);
/** Files and folders below a folder, by their paths. */
const below = (folder: string) => execFileSync("find", [folder, "-mindepth", "1"], { encoding: "utf8" });

describe.runIf(isRoot)("the sources directory", () => {
  it("is made for the developer, with the folders above it", async () => {
    expect((await take("dev")).code).toBe(0);
    expect(statSync(directory)).toMatchObject(developer);
    expect(statSync(join(root, "media $(x)")).uid).toBe(0);
  });

  it("is left to whom it belongs if it is there already", async () => {
    mkdirSync(directory, { recursive: true });
    await take("dev");
    expect(statSync(directory).uid).toBe(0);
  });
});

describe("what is held", () => {
  it("is gone without a trace if the one who holds it lets go, to the folders that were there before", async () => {
    mkdirSync(join(root, "media $(x)"));
    await take("dev");
    expect(await release("dev")).toMatchObject({ code: 0, stdout: "last\n" });
    expect(below(root)).toBe(`${join(root, "media $(x)")}\n`);
  });

  it("is gone after an up that ran twice, and a destroy that ran twice", async () => {
    await take("dev");
    await take("dev");
    await release("dev");
    expect((await release("dev")).code).toBe(0);
    expect(readdirSync(root)).toEqual([]);
  });

  it("stays while another stack holds it, and goes with the last", async () => {
    await take("dev");
    await take("other");
    expect((await release("dev")).stdout).toBe("");
    expect(existsSync(directory)).toBe(true);
    expect((await release("other")).stdout).toBe("last\n");
    expect(readdirSync(root)).toEqual([]);
  });

  it("goes alone if the same stack holds something else there", async () => {
    await take("dev");
    await take("dev", "duet-module");
    expect((await release("dev")).stdout).toBe("last\n");
    expect(readdirSync(join(directory, ".duet/holds"))).toEqual(["duet-module"]);
    await release("dev", "duet-module");
    expect(readdirSync(root)).toEqual([]);
  });

  it("keeps a folder in which somebody else has put something", async () => {
    await take("dev");
    writeFileSync(join(directory, "mine"), "");
    expect((await release("dev")).code).toBe(0);
    expect(below(directory)).toBe(`${join(directory, "mine")}\n`);
  });

  it("keeps a directory that was there, though it is empty", async () => {
    mkdirSync(directory, { recursive: true });
    await take("dev");
    await release("dev");
    expect(below(directory)).toBe("");
  });

  it("is not let go if the last work on it fails", async () => {
    await take("dev");
    expect((await release("dev", "duet-kernel", "false")).code).not.toBe(0);
    expect(existsSync(join(directory, ".duet"))).toBe(true);
    expect((await release("dev")).stdout).toBe("last\n");
    expect(readdirSync(root)).toEqual([]);
  });

  it.each(["rm", "rmdir"])("is gone after a release that was killed at its last %s, and run again", async (program) => {
    await take("dev");
    const killed = `${program}() { command ${program} "$@"; case $* in *duet) kill -KILL "$BASHPID" ;; esac; }`;
    expect((await run("dev", `${killed}\nrelease_hold true`)).code).not.toBe(0);
    expect(readdirSync(root)).not.toEqual([]);
    expect((await release("dev")).code).toBe(0);
    expect(readdirSync(root)).toEqual([]);
  });

  it("is gone though an up came after a release that was killed", async () => {
    await take("dev");
    await run("dev", 'rmdir() { kill -KILL "$BASHPID"; }\nrelease_hold true');
    await take("dev");
    await release("dev");
    expect(readdirSync(root)).toEqual([]);
  });

  it("is let go from within it, as by a shell that stands there", async () => {
    await take("dev");
    const ran = await run("dev", sh`cd ${directory}; release_hold true`.shell);
    expect(ran.code).toBe(0);
    expect(readdirSync(root)).toEqual([]);
  });
});

describe("a turn", () => {
  const log = () => readFileSync(join(root, "log"), "utf8");
  const say = (what: string) => sh`echo ${what} >>${join(root, "log")}`.shell;
  const work = (stack: string) =>
    run(stack, `take_turn; ${say(`${stack} begins`)}; sleep 0.3; ${say(`${stack} ends`)}; take_hold`);

  it("is one stack's alone, and the others wait for it", async () => {
    const ran = await Promise.all(["a", "b", "c"].map(work));
    expect(ran.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(ran.filter(({ stderr }) => stderr.includes("another stack is at work on duet-kernel"))).toHaveLength(2);
    expect(log()).toMatch(/^(?:(\w) begins\n\1 ends\n){3}$/);
  });

  it("is not taken away by a stack that lets go meanwhile, and left by nobody", async () => {
    await take("first");
    const last = `sleep 0.3; ${say("last")}`;
    const [released, worked] = await Promise.all([release("first", "duet-kernel", last), work("second")]);
    expect([released.code, worked.code]).toEqual([0, 0]);
    const holders = readdirSync(join(directory, ".duet/holds/duet-kernel"));
    expect(holders.filter((name) => name !== ".lock")).toEqual(["second"]);
    expect(log()).toMatch(/^(?:last\nsecond begins\nsecond ends|second begins\nsecond ends)\n$/);
    await release("second");
    expect(existsSync(directory)).toBe(false);
  });
});

describe.runIf(isRoot)("the scratch folder", () => {
  it("is empty, the developer's, and on the file system of the sources", async () => {
    await take("dev");
    const { stdout } = await run("dev", 'make_scratch; echo "$scratch"; echo left >"$scratch/file"');
    const scratch = stdout.trim();
    expect(scratch.startsWith(`${directory}/`)).toBe(true);
    await run("dev", "make_scratch");
    expect(readdirSync(scratch)).toEqual([]);
    expect(statSync(scratch)).toMatchObject(developer);
    await release("dev");
    expect(readdirSync(root)).toEqual([]);
  });
});

describe.runIf(isRoot)("a disk of the sources", () => {
  const enter = ["unshare", "--mount"];
  /** Bash that has a disk of its own mounted, or none, before the call. */
  const on = (place: string | undefined, call: string, stack = "dev") =>
    run(stack, call, "duet-kernel", {
      enter,
      before: place === undefined ? ":" : sh`mkdir -p ${place}; mount -t tmpfs tmpfs ${place}`.shell,
    });
  const use = "take_turn; take_hold";

  it("that is not mounted is not replaced by the one above it, which would be filled", async () => {
    const mounted = join(root, "media $(x)", "data");
    expect((await on(mounted, use)).code).toBe(0);
    const ran = await on(undefined, use);
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(
      /^cannot keep sources in \S.*\/data\/duet: their disk \(id \w+, \/\) is not mounted at /,
    );
    expect(lastLine(ran)).toContain(` at ${mounted}, and they would fill the one at /; `);
    expect(existsSync(directory)).toBe(false);
    expect((await on(mounted, use)).code).toBe(0);
  });

  it("may be another one at the same place or below, and the one above it once its note is gone", async () => {
    const mounted = join(root, "media $(x)", "data");
    await on(mounted, use);
    expect((await on(directory, use)).code).toBe(0);
    const [, note = ""] = / rm (\S+)$/.exec(lastLine(await on(undefined, use))) ?? [];
    rmSync(note);
    expect((await on(undefined, use)).code).toBe(0);
  });

  it("is one for all that guests are to see: what is mounted in the tree or above it is named", async () => {
    const tree = join(directory, "duet-kernel");
    const works = (mounted: string) => on(mounted, sh`tree=${tree}; take_turn`.shell);
    for (const mounted of [tree, join(tree, "drivers"), join(directory, "build")]) {
      const ran = await on(mounted, sh`tree=${tree} build=${join(directory, "build/duet-kernel")}; take_turn`.shell);
      expect(ran.code).toBe(1);
      expect(lastLine(ran)).toMatch(/^cannot use .* is another file system than .*; unmount it/);
      expect(lastLine(ran)).toContain(`: ${mounted} is another`);
    }
    for (const mounted of [directory, join(directory, "duet-kernel-2"), join(directory, "scratch")]) {
      expect((await works(mounted)).code).toBe(0);
    }
  });
});
