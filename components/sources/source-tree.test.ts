import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, given, localHost, localStep, settled } from "../../test/support/mocks.ts";
import { lastLine, type Ran, type RunOptions, runStep, type Stubs, type Verb } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText, type Values } from "../machine/script-text.ts";
import { sh } from "../machine/shell.ts";
import { resultIn } from "../machine/step.ts";
import { type Source, SourceTree } from "./source-tree.ts";

const isRoot = process.getuid?.() === 0;
const developer = { uid: 54321, gid: 54322 };
let root: string;
let directory: string;
let tree: string;

beforeEach(() => {
  root = temporaryFolder("it's sources-");
  directory = join(root, "media", "duet");
  tree = join(directory, "duet-module");
});

/** The step of a source, as the component has it. */
function script(source: Source, stack = "dev", fetchNamespace = ""): string {
  const place = "tree" in source ? source.tree : tree;
  const common = {
    tree: place,
    directory,
    what: "duet-module",
    stack,
    ...developer,
    made_note: `${directory}/.duet/holds/duet-module/.made`,
  };
  const of = (file: string, values: Values) => scriptText(import.meta.url, file, { ...common, ...values });
  if ("git" in source) {
    const { git: url, branch, submodules } = source;
    return of("clone.sh", { url, branch, submodules: submodules ? "yes" : "", fetch_namespace: fetchNamespace });
  }
  if ("package" in source) {
    return of("unpack.sh", { package: source.package, cache: join(root, "cache/kernel/key") });
  }
  return "copy" in source ? of("copy.sh", { seed: source.copy }) : of("tree.sh", {});
}
const run = (verb: Verb, source: Source, stack?: string, options?: RunOptions) =>
  runStep(script(source, stack), verb, options);
const bring = (source: Source, stack?: string) => run("create", source, stack);
const giveBack = (source: Source, stack?: string) => run("delete", source, stack);
const facts = async (source: Source) => (await run("facts", source)).stdout;
const handed = ({ stdout }: Ran) => ({ commit: resultIn(stdout, "commit"), hash: resultIn(stdout, "hash") });
/** Who owns a file, as `uid:gid`. */
const ownerOf = (file: string) => `${statSync(file).uid}:${statSync(file).gid}`;

/** Makes a repository of a tree, as the developer, who has committed nothing yet. */
const initialise = (folder: string) =>
  execFileSync("git", ["init", "-q"], { cwd: folder, ...developer, env: { ...process.env, HOME: root } });

/** Writes a file as the developer, in an editor of theirs. */
function edit(name: string, text: string): void {
  const file = join(tree, name);
  writeFileSync(file, text);
  chownSync(file, developer.uid, developer.gid);
}

describe.runIf(isRoot)("a clone", () => {
  let origin: string;
  /** Git as the developer, in any folder. */
  const git = (folder: string, ...words: readonly string[]) =>
    execFileSync("git", ["-c", "user.name=d", "-c", "user.email=d@d", "-c", "commit.gpgsign=false", ...words], {
      cwd: folder,
      ...developer,
      env: { ...process.env, HOME: root },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  const commit = (branch: string, text: string): string => {
    git(origin, "checkout", "-q", "-B", branch);
    execFileSync("tee", [join(origin, "main.c")], { ...developer, input: text });
    git(origin, "add", ".");
    git(origin, "commit", "-qm", text);
    return git(origin, "rev-parse", "HEAD");
  };

  beforeEach(() => {
    origin = join(root, "origin of $(x)");
    mkdirSync(origin);
    chownSync(origin, developer.uid, developer.gid);
    git(origin, "init", "-q");
    commit("main", "first");
  });

  it("is made at its branch, as the developer's, and hands on commit and hash", async () => {
    const head = commit("tracepoints", "second");
    commit("main", "third");
    const ran = await bring({ git: origin, branch: "tracepoints" });
    expect(ran.code).toBe(0);
    expect(handed(ran)).toMatchObject({ commit: head.slice(0, 12), hash: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect(git(tree, "symbolic-ref", "--short", "HEAD")).toBe("tracepoints");
    expect([tree, join(tree, "main.c"), join(tree, ".git/HEAD")].map(ownerOf)).toEqual(Array(3).fill("54321:54322"));
  });

  it("takes a file:// URL too", async () => {
    expect((await bring({ git: `file://${origin}` })).code).toBe(0);
    expect(existsSync(join(tree, ".git"))).toBe(true);
  });

  it("is left as it is the second time", async () => {
    const first = await bring({ git: origin, branch: "main" });
    const before = await facts({ git: origin, branch: "main" });
    const second = await bring({ git: origin, branch: "main" });
    expect(second).toMatchObject({ code: 0, stdout: first.stdout });
    expect(await facts({ git: origin, branch: "main" })).toBe(before);
  });

  it("is switched to another branch, also to one that its origin got later", async () => {
    await bring({ git: origin, branch: "main" });
    const head = commit("later", "second");
    const ran = await bring({ git: origin, branch: "later" });
    expect(ran.code).toBe(0);
    expect(handed(ran).commit).toBe(head.slice(0, 12));
    expect(readFileSync(join(tree, "main.c"), "utf8")).toBe("second");
    expect((await bring({ git: origin, branch: "main" })).code).toBe(0);
    expect(readFileSync(join(tree, "main.c"), "utf8")).toBe("first");
  });

  it("is made at a commit or a tag as well", async () => {
    const first = git(origin, "rev-parse", "HEAD");
    git(origin, "tag", "v1");
    commit("main", "second");
    for (const branch of [first, first.slice(0, 10), "v1"]) {
      const ran = await bring({ git: origin, branch });
      expect([ran.code, handed(ran).commit]).toEqual([0, first.slice(0, 12)]);
      expect(readFileSync(join(tree, "main.c"), "utf8")).toBe("first");
      rmSync(tree, { recursive: true });
    }
  });

  it("may be at a tag or at a commit, and stays there", async () => {
    const first = git(origin, "rev-parse", "HEAD");
    git(origin, "tag", "v1");
    commit("main", "second");
    for (const branch of ["main", "v1", "v1", "main", first, first]) {
      const ran = await bring({ git: origin, branch });
      expect(ran.code).toBe(0);
      expect(handed(ran).commit === first.slice(0, 12)).toBe(branch !== "main");
    }
  });

  it("stays on whatever branch the user has taken, if none is asked for", async () => {
    await bring({ git: origin });
    git(tree, "checkout", "-q", "-b", "mine");
    expect((await bring({ git: origin })).code).toBe(0);
    expect(git(tree, "symbolic-ref", "--short", "HEAD")).toBe("mine");
  });

  it("keeps commits that the user made on the branch", async () => {
    await bring({ git: origin, branch: "main" });
    edit("main.c", "mine");
    git(tree, "commit", "-qam", "mine");
    const head = git(tree, "rev-parse", "HEAD");
    commit("main", "theirs");
    expect(handed(await bring({ git: origin, branch: "main" })).commit).toBe(head.slice(0, 12));
  });

  it("is never switched while it has changes: they are named, and stay", async () => {
    await bring({ git: origin, branch: "main" });
    commit("other", "second");
    edit("main.c", "edited");
    edit("it's new.c", "new");
    const ran = await bring({ git: origin, branch: "other" });
    expect(ran.code).toBe(1);
    for (const fact of [tree, "other", "on main", `main.c "it's new.c"`]) {
      expect(lastLine(ran)).toContain(fact);
    }
    expect(readFileSync(join(tree, "main.c"), "utf8")).toBe("edited");
    expect(git(tree, "symbolic-ref", "--short", "HEAD")).toBe("main");
  });

  it("is not switched over a file that its person has git ignore everywhere, which git would overwrite", async () => {
    const home = join(root, "home");
    mkdirSync(join(home, ".config/git"), { recursive: true });
    writeFileSync(join(home, ".config/git/ignore"), "notes\n");
    const stubs = { getent: `echo 'dev:x:54321:54322::${home.replace("'", "'\\''")}:/bin/sh'` };
    const at = (branch: string) => run("create", { git: origin, branch }, "dev", { stubs });
    await at("main");
    git(origin, "checkout", "-q", "-B", "other");
    execFileSync("tee", [join(origin, "notes")], { ...developer, input: "theirs" });
    git(origin, "add", ".");
    git(origin, "commit", "-qm", "notes");
    edit("notes", "mine");
    expect(lastLine(await at("other"))).toMatch(/with changes of your own in notes;/);
    expect(readFileSync(join(tree, "notes"), "utf8")).toBe("mine");
  });

  it("is switched, and back, if nobody but make has written to it", async () => {
    await bring({ git: origin, branch: "main" });
    commit("other", "second");
    edit("main.o", "an object");
    edit("program", "made");
    expect((await bring({ git: origin, branch: "other" })).code).toBe(1);
    const noted = execFileSync("sha256sum", ["program"], { cwd: tree });
    writeFileSync(join(directory, ".duet/holds/duet-module/.made"), noted);
    for (const branch of ["other", "main"]) {
      expect((await bring({ git: origin, branch })).code).toBe(0);
      expect(git(tree, "symbolic-ref", "--short", "HEAD")).toBe(branch);
    }
    expect(readFileSync(join(tree, "program"), "utf8")).toBe("made");
  });

  it("with changes is taken as it is if its branch is asked for, and its hash tells", async () => {
    const before = handed(await bring({ git: origin, branch: "main" }));
    edit("main.c", "edited");
    const after = handed(await bring({ git: origin, branch: "main" }));
    expect(after.commit).toBe(before.commit);
    expect(after.hash).not.toBe(before.hash);
    expect(readFileSync(join(tree, "main.c"), "utf8")).toBe("edited");
  });

  it("drifts by an edit, by another branch, and if it goes", async () => {
    const source = { git: origin, branch: "main" };
    await bring(source);
    const seen = [await facts(source)];
    edit("main.c", "edited");
    seen.push(await facts(source));
    git(tree, "checkout", "-q", "-b", "mine");
    seen.push(await facts(source));
    rmSync(tree, { recursive: true });
    seen.push(await facts(source));
    expect(new Set(seen).size).toBe(4);
    expect(seen[2]).toContain(`branch of ${tree}: mine\n`);
    expect(seen[3]).toBe(`content of ${tree}: missing\n`);
  });

  it("on a disk that is slow is taken as it was, once, and then looked at for as long as it takes", async () => {
    const records = join(root, "steps");
    const isSlow = join(root, "slow");
    const hasty = script({ git: origin, branch: "main" }).replace("patience=15", "patience=1");
    const step = (verb: Verb) => runStep(hasty, verb, { records });
    const before = handed(await step("create"));
    const recorded = (await step("facts")).stdout;
    // git asks it for a file that has changed.
    git(tree, "config", "filter.slow.clean", `while [ -e '${isSlow.replace("'", "'\\''")}' ]; do sleep 0.1; done; cat`);
    writeFileSync(join(tree, ".git/info/attributes"), "*.c filter=slow\n");
    edit("main.c", "edited");
    writeFileSync(isSlow, "");
    const first = (await step("facts")).stdout;
    expect(first.replace(/^note: .*\n/m, "")).toBe(recorded);
    expect(first).toContain(`note: ${tree} was not looked at: its disk is slow`);
    expect((await step("facts")).stdout).toContain(`content of ${tree}: not told within 1 s\n`);
    const waits = `${root.slice(-6)}/slow`;
    expect(git(tree, "config", "filter.slow.clean")).toContain(waits);
    expect(execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })).not.toContain(waits);
    setTimeout(() => rmSync(isSlow), 2500);
    const after = handed(await step("create"));
    expect(existsSync(isSlow)).toBe(false);
    expect(after.hash).not.toBe(before.hash);
    expect((await step("facts")).stdout).toContain(`content of ${tree}: ${after.hash}\n`);
    expect(readdirSync(records).filter((name) => name.endsWith(".unseen"))).toEqual([]);
  });

  it("is refused if something else is there", async () => {
    mkdirSync(tree, { recursive: true });
    writeFileSync(join(tree, "mine"), "");
    const ran = await bring({ git: origin });
    expect(lastLine(ran)).toContain(`cannot clone ${origin} to ${tree}: `);
    expect(readdirSync(tree)).toEqual(["mine"]);
  });

  it("is refused if a clone of something else is there", async () => {
    await bring({ git: origin });
    const ran = await bring({ git: "https://example.org/other.git" });
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toContain(`cannot clone https://example.org/other.git to ${tree}: `);
    expect(lastLine(ran)).toContain(`a clone of ${origin};`);
  });

  it("is one of the same repository, however that is reached", async () => {
    await bring({ git: origin });
    git(tree, "remote", "set-url", "origin", "git@example.org:someone/duet.git");
    for (const url of ["https://example.org/someone/duet", "ssh://git@example.org:2222/someone/duet.git/"]) {
      expect((await bring({ git: url })).code).toBe(0);
    }
    for (const url of ["https://example.org/other/duet", "git@example.com:someone/duet.git"]) {
      expect(lastLine(await bring({ git: url }))).toContain("a clone of git@example.org:someone/duet.git;");
    }
  });

  it("is made at, and switched to, a commit that is on no branch", async () => {
    git(origin, "checkout", "-q", "--detach");
    const [one, two] = ["one", "two"].map((text) => {
      execFileSync("tee", [join(origin, "main.c")], { ...developer, input: text });
      git(origin, "commit", "-qam", text);
      return git(origin, "rev-parse", "HEAD");
    });
    git(origin, "checkout", "-q", "main");
    const url = `file://${origin}`;
    expect(handed(await bring({ git: url, branch: one })).commit).toBe(one?.slice(0, 12));
    expect(handed(await bring({ git: url, branch: two })).commit).toBe(two?.slice(0, 12));
  });

  /** Gives the origin a part, `part`, at the only commit that has the text. */
  const addPart = (text: string): void => {
    const part = join(root, "part");
    if (!existsSync(part)) {
      mkdirSync(part);
      chownSync(part, developer.uid, developer.gid);
      git(part, "init", "-q");
    }
    execFileSync("tee", [join(part, "part.c")], { ...developer, input: text });
    git(part, "add", ".");
    git(part, "commit", "-qm", text);
    const there = existsSync(join(origin, "part"));
    git(
      origin,
      "-c",
      "protocol.file.allow=always",
      ...(there ? ["submodule", "update", "--remote"] : ["submodule", "add", part]),
    );
    git(origin, "commit", "-qam", text);
  };

  it("has its submodules if they are asked for, at the commits that it names, and tells their edits", async () => {
    addPart("first part");
    git(origin, "tag", "one");
    addPart("second part");
    const without = { git: origin };
    await bring(without);
    expect(readdirSync(join(tree, "part"))).toEqual([]);
    const source = { git: origin, branch: "one", submodules: true };
    expect(await facts(source)).toMatch(/^missing submodules of .*: part$/m);
    expect((await bring(source)).code).toBe(0);
    const part = () => readFileSync(join(tree, "part/part.c"), "utf8");
    expect(part()).toBe("first part");
    await bring({ ...source, branch: "main" });
    expect(part()).toBe("second part");
    const seen = [await facts(source)];
    for (const text of ["edited", "edited again"]) {
      edit("part/part.c", text);
      seen.push(await facts(source));
    }
    expect(new Set(seen).size).toBe(3);
    expect((await bring({ ...source, branch: "main" })).code).toBe(0);
    expect(part()).toBe("edited again");
  });

  it("says how far it has come, a line for each tenth", async () => {
    const lines = [
      "Cloning into 'x'...",
      ...["at   9% (1/9)", "at  10% (2/9), 1 MiB", "at  10% (2/9), 2 MiB", "at 100% (9/9), done."],
    ];
    const said = join(root, "said");
    writeFileSync(said, lines.join("\r"));
    const stubs = {
      setpriv: `case " $* " in *" clone "*) cat "${said}" >&2; exit 1 ;; esac; exec /usr/bin/setpriv "$@"`,
    };
    const ran = await runStep(script({ git: origin }), "create", { stubs });
    expect(ran.stderr.split("\n").slice(0, 3)).toEqual(["Cloning into 'x'...", "at  10%", "at 100%"]);
    expect(lastLine(ran)).toMatch(/^cannot clone /);
  });

  it("takes the place of an empty folder", async () => {
    mkdirSync(tree, { recursive: true });
    expect((await bring({ git: origin })).code).toBe(0);
  });

  it("is refused at a branch that nobody has, made or not, and then stays where it is", async () => {
    const ran = await bring({ git: origin, branch: "no-such" });
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toContain(`cannot clone ${origin} at no-such: `);
    expect(existsSync(tree)).toBe(false);
    await bring({ git: origin, branch: "main" });
    expect(lastLine(await bring({ git: origin, branch: "no-such" }))).toContain(`cannot switch ${tree} to no-such: `);
    expect(git(tree, "symbolic-ref", "--short", "HEAD")).toBe("main");
  });

  it("is made again after one that was cut off", async () => {
    mkdirSync(join(directory, ".duet/duet-module.new/tree/.git"), { recursive: true });
    expect((await bring({ git: origin })).code).toBe(0);
    expect(existsSync(join(directory, ".duet/duet-module.new"))).toBe(false);
  });

  it("is the user's, and stays at destroy", async () => {
    await bring({ git: origin });
    expect((await giveBack({ git: origin })).code).toBe(0);
    expect(readdirSync(directory)).toEqual(["duet-module"]);
    expect(existsSync(join(tree, "main.c"))).toBe(true);
  });

  it("is fetched through the network namespace that reaches it", async () => {
    const nsenter = `[ "$1" = --net=/run/netns/outer ] || exit 9; shift; echo entered >&2; exec "$@"`;
    const ran = await runStep(script({ git: origin }, "dev", "/run/netns/outer"), "create", { stubs: { nsenter } });
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain("entered\n");
  });
});

describe.runIf(isRoot)("a working copy", () => {
  let seed: string;
  let source: Source;
  beforeEach(() => {
    seed = join(root, "samples");
    mkdirSync(join(seed, "sub"), { recursive: true });
    writeFileSync(join(seed, "Makefile"), "all:\n");
    writeFileSync(join(seed, "sub/a.c"), "a");
    chmodSync(seed, 0o700);
    source = { copy: seed };
  });

  it("is what its seed holds, as the developer's, from where the developer cannot read", async () => {
    const ran = await bring(source);
    expect(ran.code).toBe(0);
    expect(handed(ran).commit).toMatch(/^[0-9a-f]{12}$/);
    expect(readFileSync(join(tree, "sub/a.c"), "utf8")).toBe("a");
    expect([tree, join(tree, "sub"), join(tree, "Makefile")].map(ownerOf)).toEqual(Array(3).fill("54321:54322"));
  });

  it("is left as it is the second time, and if it was built in", async () => {
    const first = await bring(source);
    edit("a.o", "built");
    expect(await bring(source)).toMatchObject({ code: 0, stdout: first.stdout });
    expect(existsSync(join(tree, "a.o"))).toBe(true);
  });

  it("follows its seed while nobody has edited it", async () => {
    const before = handed(await bring(source));
    writeFileSync(join(seed, "sub/a.c"), "b");
    const after = handed(await bring(source));
    expect(readFileSync(join(tree, "sub/a.c"), "utf8")).toBe("b");
    expect(after.commit).not.toBe(before.commit);
    expect(after.hash).not.toBe(before.hash);
  });

  it("that was edited is the user's: it follows no seed, and stays at destroy", async () => {
    await bring(source);
    edit("Makefile", "mine:\n");
    writeFileSync(join(seed, "sub/a.c"), "b");
    expect((await bring(source)).code).toBe(0);
    expect(readFileSync(join(tree, "Makefile"), "utf8")).toBe("mine:\n");
    await giveBack(source);
    expect(readFileSync(join(tree, "Makefile"), "utf8")).toBe("mine:\n");
  });

  it("may be made a repository: its name stays, and its hash tells of edits before the first commit", async () => {
    const { commit } = handed(await bring(source));
    initialise(tree);
    const before = handed(await bring(source));
    edit("sub/a.c", "edited");
    const after = handed(await bring(source));
    expect([before.commit, after.commit]).toEqual([commit, commit]);
    expect(after.hash).not.toBe(before.hash);
  });

  it("drifts by an edit of it, and by one of its seed", async () => {
    await bring(source);
    const before = await facts(source);
    edit("sub/a.c", "edited");
    const edited = await facts(source);
    expect(edited).not.toBe(before);
    writeFileSync(join(seed, "sub/a.c"), "b");
    expect(await facts(source)).not.toBe(edited);
  });

  it("goes at destroy without a trace, with what was built in it", async () => {
    await bring(source);
    edit("a.o", "built");
    expect((await giveBack(source)).code).toBe(0);
    expect(readdirSync(root)).toEqual(["samples"]);
  });

  it("stays while another stack uses it", async () => {
    await bring(source, "dev");
    await bring(source, "other");
    await giveBack(source, "dev");
    expect(existsSync(join(tree, "Makefile"))).toBe(true);
    await giveBack(source, "other");
    expect(readdirSync(root)).toEqual(["samples"]);
  });

  it("is refused if something else is there, which stays at destroy", async () => {
    mkdirSync(tree, { recursive: true });
    writeFileSync(join(tree, "mine"), "");
    const ran = await bring(source);
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toContain(`cannot make a copy of ${seed} at ${tree}: `);
    await giveBack(source);
    expect(readdirSync(tree)).toEqual(["mine"]);
  });

  it("of a folder that is not there is an error", async () => {
    rmSync(seed, { recursive: true });
    expect(lastLine(await bring(source))).toContain(`cannot copy ${seed} to ${tree}: there is no such folder`);
    expect(existsSync(tree)).toBe(false);
  });
});

describe.runIf(isRoot)("sources of another kind than before", () => {
  it("take the place of a copy that nobody has edited, and of no other", async () => {
    const records = join(root, "steps");
    const seed = join(root, "samples");
    const origin = join(root, "origin");
    for (const folder of [seed, origin]) {
      mkdirSync(folder);
      writeFileSync(join(folder, "main.c"), folder);
    }
    const git = ["-c", "user.name=d", "-c", "user.email=d@d", "-c", "commit.gpgsign=false"];
    execFileSync("git", ["init", "-q"], { cwd: origin });
    execFileSync("git", ["add", "."], { cwd: origin });
    execFileSync("git", [...git, "commit", "-qm", "first"], { cwd: origin });
    execFileSync("chown", ["-R", `${developer.uid}:${developer.gid}`, origin]);
    const make = (source: Source) => run("create", source, "dev", { records });
    await make({ copy: seed });
    expect((await make({ git: origin })).code).toBe(0);
    expect(readFileSync(join(tree, "main.c"), "utf8")).toBe(origin);
    rmSync(tree, { recursive: true });
    await make({ copy: seed });
    edit("main.c", "mine");
    expect(lastLine(await make({ git: origin }))).toMatch(/^cannot clone .* move it away/);
    expect(readFileSync(join(tree, "main.c"), "utf8")).toBe("mine");
  });
});

describe.runIf(isRoot)("sources that the spec wants elsewhere, or for somebody else", () => {
  it("leave the place where they were, and become the other developer's", async () => {
    const records = join(root, "steps");
    const seed = join(root, "samples");
    mkdirSync(seed);
    writeFileSync(join(seed, "main.c"), "sample");
    const make = () => run("create", { copy: seed }, "dev", { records });
    await make();
    const [before, { uid }] = [directory, developer];
    [directory, tree, developer.uid] = [join(root, "other"), join(root, "other/duet-module"), 54329];
    try {
      expect((await make()).code).toBe(0);
      expect([existsSync(before), ownerOf(join(tree, "main.c"))]).toEqual([false, "54329:54322"]);
      developer.uid = uid;
      expect((await make()).code).toBe(0);
      expect([tree, join(tree, "main.c")].map(ownerOf)).toEqual(Array(2).fill("54321:54322"));
    } finally {
      developer.uid = uid;
    }
  });
});

describe.runIf(isRoot)("a user's own tree", () => {
  const make = (path: string) => {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "Makefile"), "all:\n");
    return { tree: path };
  };

  it("is taken where it is, and its name outlives edits", async () => {
    const source = make(join(directory, "my kernel"));
    const before = handed(await bring(source));
    writeFileSync(join(source.tree, "new.c"), "x");
    const after = handed(await bring(source));
    expect(after.commit).toBe(before.commit);
    expect(after.hash).not.toBe(before.hash);
  });

  it("may be a repository without a commit", async () => {
    const source = make(join(directory, "my kernel"));
    const { commit } = handed(await bring(source));
    chownSync(source.tree, developer.uid, developer.gid);
    initialise(source.tree);
    const before = await bring(source);
    expect(before.code).toBe(0);
    expect(handed(before).commit).toBe(commit);
    writeFileSync(join(source.tree, "new.c"), "x");
    expect(handed(await bring(source)).hash).not.toBe(handed(before).hash);
  });

  it("stays at destroy to the byte, and nothing was added to it", async () => {
    const source = make(join(directory, "mine"));
    await bring(source);
    expect(readdirSync(source.tree)).toEqual(["Makefile"]);
    await giveBack(source);
    expect(readdirSync(directory)).toEqual(["mine"]);
    expect(readdirSync(source.tree)).toEqual(["Makefile"]);
  });

  it("is refused if guests would not see it, also behind a symbolic link", async () => {
    const outside = make(join(root, "outside"));
    mkdirSync(directory, { recursive: true });
    symlinkSync(outside.tree, join(directory, "link"));
    for (const path of [outside.tree, join(directory, "link"), directory]) {
      const ran = await bring({ tree: path });
      expect(ran.code).toBe(1);
      expect(lastLine(ran)).toContain(`cannot use the tree ${path}: it is not below ${directory}`);
    }
  });

  it("that is not there is an error", async () => {
    const none = join(directory, "none");
    expect(lastLine(await bring({ tree: none }))).toContain(`cannot use the tree ${none}: there is no such folder`);
  });
});

describe.runIf(isRoot)("a source package", () => {
  const source: Source = { package: "linux-source-6.1" };
  const installed: Stubs = {
    "dpkg-query": 'echo "$3-6.1.1"',
  };

  beforeEach(() => {
    const packed = join(root, "packed");
    const usr = join(root, "usr src");
    mkdirSync(usr);
    for (const version of ["6.1", "6.2"]) {
      mkdirSync(join(packed, `linux-source-${version}/mm`), { recursive: true });
      writeFileSync(join(packed, `linux-source-${version}/Makefile`), `VERSION = ${version}\n`);
      writeFileSync(join(packed, `linux-source-${version}/mm/slub.c`), "slub");
      execFileSync("tar", [
        "--mtime=@1",
        "-cJf",
        join(usr, `linux-source-${version}.tar.xz`),
        "-C",
        packed,
        `linux-source-${version}`,
      ]);
    }
    rmSync(packed, { recursive: true });
  });

  /** With a /usr/src of its own, in a mount namespace. */
  const unpack = (from = source) =>
    run("create", from, "dev", {
      stubs: installed,
      enter: ["unshare", "--mount"],
      before: sh`mount --bind ${join(root, "usr src")} /usr/src`.shell,
    });

  it("is unpacked as the developer's, newer than anything that was built from another", async () => {
    const ran = await unpack();
    expect(ran.code).toBe(0);
    expect(handed(ran).commit).toMatch(/^[0-9a-f]{12}$/);
    expect(readFileSync(join(tree, "Makefile"), "utf8")).toBe("VERSION = 6.1\n");
    expect(ownerOf(join(tree, "mm/slub.c"))).toBe("54321:54322");
    expect(statSync(join(tree, "mm/slub.c")).mtimeMs).toBeGreaterThanOrEqual(statSync(root).birthtimeMs);
  });

  it("is left as it is the second time, edited or not, and the hash tells", async () => {
    const first = await unpack();
    expect((await unpack()).stdout).toBe(first.stdout);
    edit("mm/slub.c", "edited");
    const edited = handed(await unpack());
    expect(edited.commit).toBe(handed(first).commit);
    expect(edited.hash).not.toBe(handed(first).hash);
    expect(readFileSync(join(tree, "mm/slub.c"), "utf8")).toBe("edited");
  });

  it("may be made a repository, of which nothing is read: to hash 80,000 files takes a minute", async () => {
    const first = await unpack();
    initialise(tree);
    expect((await unpack()).stdout).toBe(first.stdout);
  });

  it("waits in the cache between stacks, with the times that its build knows", async () => {
    const first = await unpack();
    const time = statSync(join(tree, "mm/slub.c")).mtimeMs;
    expect((await giveBack(source)).code).toBe(0);
    expect(readdirSync(root).sort()).toEqual(["cache", "usr src"]);
    expect((await unpack()).stdout).toBe(first.stdout);
    expect(statSync(join(tree, "mm/slub.c")).mtimeMs).toBe(time);
  });

  it("stays at destroy if it was edited", async () => {
    await unpack();
    edit("mm/slub.c", "edited");
    await giveBack(source);
    expect(readFileSync(join(tree, "mm/slub.c"), "utf8")).toBe("edited");
    expect(existsSync(join(root, "cache"))).toBe(false);
  });

  it("makes room for another version, unless it was edited", async () => {
    const other: Source = { package: "linux-source-6.2" };
    await unpack();
    expect((await unpack(other)).code).toBe(0);
    expect(readFileSync(join(tree, "Makefile"), "utf8")).toBe("VERSION = 6.2\n");
    edit("Makefile", "edited");
    const ran = await unpack(source);
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^cannot unpack linux-source-6\.1 to .*holds linux-source-6\.2 with changes/);
    expect(readFileSync(join(tree, "Makefile"), "utf8")).toBe("edited");
  });

  it("without a tarball is an error, and so is a tarball that is broken", async () => {
    rmSync(join(root, "usr src/linux-source-6.1.tar.xz"));
    expect(lastLine(await unpack())).toMatch(
      /^cannot unpack linux-source-6\.1: .*\/usr\/src\/linux-source-6\.1\.tar\.xz/,
    );
    writeFileSync(join(root, "usr src/linux-source-6.1.tar.xz"), "broken");
    expect((await unpack()).code).not.toBe(0);
    expect(existsSync(tree)).toBe(false);
  });
});

describe("SourceTree", () => {
  const deployed = (source: Source, role = "duet-module", at = directory) =>
    deploy(
      () =>
        new SourceTree("module-source", {
          host: localHost({ cache: join(root, "cache") }),
          role,
          source,
          directory: at,
        }),
      { "module-source": "commit: abc\nhash: 123" },
    );

  it("is below the directory by its role, or where the user's tree is", async () => {
    expect((await deployed({ git: "https://x" })).value.tree).toBe(tree);
    expect((await deployed({ tree: "/a/b" })).value.tree).toBe("/a/b");
  });

  it("has another folder of the cache for another place, role or source", async () => {
    const folders = [
      await deployed({ git: "https://x", branch: "a" }),
      await deployed({ git: "https://x", branch: "a" }, "duet-module", "/other"),
      await deployed({ git: "https://x", branch: "a" }, "duet-kernel"),
      await deployed({ git: "https://x", branch: "b" }),
    ].map(({ value }) => value.cache);
    expect(new Set(folders).size).toBe(4);
    expect((await deployed({ git: "https://x", branch: "a" })).value.cache).toBe(folders[0]);
  });

  it("has the folder of the cache in which standing builds wait", async () => {
    const { value } = await deployed({ package: "linux-source-6.1" }, "duet-kernel", "/media/data/duet");
    expect(value.cache).toBe(join(root, "cache/kernel/6a907c67ee0a4d4a"));
  });

  it("hands on where the sources are before anything runs, and what they are after", async () => {
    const deployment = await deployed({ copy: "/seed" });
    const { value, resource } = deployment;
    expect([await settled(value.commit), await settled(value.hash)]).toEqual([
      { value: "abc", secret: false },
      { value: "123", secret: false },
    ]);
    expect(resource("duet:sources:SourceTree", "module-source").outputs).toEqual({ tree, commit: "abc", hash: "123" });
    const step = localStep(deployment, "module-source");
    expect([given(step, "seed"), given(step, "uid"), given(step, "gid")]).toEqual(["/seed", "1000", "1001"]);
  });
});
