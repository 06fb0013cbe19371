import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { runScript } from "../../test/run-script.ts";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";
import {
  type Hold,
  makeScratch,
  makeSourcesDirectory,
  releaseHold,
  scriptAsDeveloper,
  takeHold,
  takeTurn,
} from "./holds.ts";

const isRoot = process.getuid?.() === 0;
const developer = { uid: isRoot ? 54321 : (process.getuid?.() ?? 0), gid: isRoot ? 54322 : (process.getgid?.() ?? 0) };
let root: string;
let directory: string;
beforeEach(() => {
  root = temporaryFolder("it's held-");
  directory = join(root, "media $(x)", "data", "duet");
});

const hold = (owner: string, what = "duet-kernel"): Hold => ({ directory, what, owner });
const take = (owner: string, what?: string) =>
  runScript(lines(makeSourcesDirectory(directory, developer), takeHold(hold(owner, what))));
const release = (owner: string, what?: string, last: Shell = sh`echo last`) =>
  runScript(releaseHold(hold(owner, what), last));
/** Files and folders below a folder, by their paths. */
const below = (folder: string) => execFileSync("find", [folder, "-mindepth", "1"], { encoding: "utf8" });

describe.runIf(isRoot)("the sources directory", () => {
  it("is made for the developer, with the folders above it", async () => {
    expect((await take("dev")).code).toBe(0);
    expect(statSync(directory)).toMatchObject(developer);
    expect(statSync(join(root, "media $(x)")).uid).toBe(0);
  });

  it("is left to whom it belongs where it is there already", async () => {
    mkdirSync(directory, { recursive: true });
    await take("dev");
    expect(statSync(directory).uid).toBe(0);
  });
});

describe("what is held", () => {
  it("is gone without a trace when the one who holds it lets go, to the folders that were there before", async () => {
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

  it("goes alone where the same stack holds something else there", async () => {
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

  it("is not let go where the last work on it fails", async () => {
    await take("dev");
    expect((await release("dev", "duet-kernel", sh`false`)).code).not.toBe(0);
    expect(existsSync(join(directory, ".duet"))).toBe(true);
    expect((await release("dev")).stdout).toBe("last\n");
    expect(readdirSync(root)).toEqual([]);
  });

  it("is let go from within it, as by a shell that stands there", async () => {
    await take("dev");
    const ran = await runScript(lines(sh`cd ${directory}`, releaseHold(hold("dev"), sh`:`)));
    expect(ran.code).toBe(0);
    expect(readdirSync(root)).toEqual([]);
  });
});

describe("a turn", () => {
  const log = () => readFileSync(join(root, "log"), "utf8");
  const work = (owner: string) =>
    runScript(
      lines(
        takeTurn(hold(owner), developer),
        sh`echo ${`${owner} begins`} >>${join(root, "log")}; sleep 0.3; echo ${`${owner} ends`} >>${join(root, "log")}`,
        takeHold(hold(owner)),
      ),
    );

  it("is one stack's alone, and the others wait for it", async () => {
    const ran = await Promise.all(["a", "b", "c"].map(work));
    expect(ran.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(ran.filter(({ stderr }) => stderr.includes("another stack is at work on duet-kernel"))).toHaveLength(2);
    expect(log()).toMatch(/^(?:(\w) begins\n\1 ends\n){3}$/);
  });

  it("is not taken away by a stack that lets go meanwhile, and left by nobody", async () => {
    await take("first");
    const last = sh`sleep 0.3; echo last >>${join(root, "log")}`;
    const [released, worked] = await Promise.all([release("first", "duet-kernel", last), work("second")]);
    expect([released.code, worked.code]).toEqual([0, 0]);
    expect(readdirSync(join(directory, ".duet/holds/duet-kernel"))).toEqual(["second"]);
    expect(log()).toMatch(/^(?:last\nsecond begins\nsecond ends|second begins\nsecond ends)\n$/);
    await release("second");
    expect(existsSync(directory)).toBe(false);
  });
});

describe.runIf(isRoot)("the scratch folder", () => {
  it("is empty, the developer's, and on the file system of the sources", async () => {
    await take("dev");
    const make = lines(makeScratch(hold("dev"), developer), sh`echo "$scratch"; echo left >"$scratch/file"`);
    const { stdout } = await runScript(make);
    const scratch = stdout.trim();
    expect(scratch.startsWith(`${directory}/`)).toBe(true);
    await runScript(makeScratch(hold("dev"), developer));
    expect(readdirSync(scratch)).toEqual([]);
    expect(statSync(scratch)).toMatchObject(developer);
    await release("dev");
    expect(readdirSync(root)).toEqual([]);
  });
});

describe.runIf(isRoot)("a script as the developer", () => {
  it("runs whole as the developer, and ends where it fails", async () => {
    const ran = await runScript(scriptAsDeveloper(developer, sh`id -u; printf '%s\n' ${"it's"}; false; id -g`));
    expect(ran).toMatchObject({ stdout: "54321\nit's\n" });
    expect(ran.code).not.toBe(0);
  });
});
