import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script-text.ts";

let tree: string;
beforeEach(() => {
  tree = temporaryFolder("it's a tree ");
  write("main.c", "int main;");
  write("sub dir/it's.h", "#pragma once");
});

function write(name: string, text = ""): void {
  const file = join(tree, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const touch = (name: string) => utimesSync(join(tree, name), 1, 1);
const library = scriptText(import.meta.url, "content.sh", {});
const contentOf = (call: string) =>
  execFileSync("bash", ["-euo", "pipefail", "-c", `${library}\n${call}`], { cwd: tree, encoding: "utf8" });
const contentByTime = "content_by_time";
const contentByBytes = "content_by_bytes";
const contentOfTree = "content_of_tree";
const contentOfGit = 'content_of_git "${products[@]}"';
const git = (...words: readonly string[]) =>
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false", ...words], {
    cwd: tree,
    stdio: ["ignore", "pipe", "ignore"],
  });

const edits: readonly (readonly [string, () => void])[] = [
  ["a file is edited", () => write("main.c", "int main;;")],
  ["a file is new", () => write("new.c")],
  ["a file in a folder is new", () => write("sub dir/new.c")],
  ["a file goes", () => rmSync(join(tree, "sub dir/it's.h"))],
  ["a file is renamed", () => renameSync(join(tree, "main.c"), join(tree, "other.c"))],
];

const products = [
  ...["main.o", "main.ko", "main.mod.c", ".main.o.cmd", "Module.symvers", "modules.order", "sub dir/lib.so.1"],
  ...[".tmp_versions/x", ".main.c.swp", "main.c~", "cscope.out", ".nfs00012", "tags"],
];

describe.each([
  ["by time", contentByTime],
  ["by bytes", contentByBytes],
  ["of a user's tree", contentOfTree],
  ["of a clone", contentOfGit],
] as const)("content %s", (kind, script) => {
  beforeEach(() => {
    if (kind === "of a clone") {
      git("init", "-q");
      git("add", ".");
      git("commit", "-qm", "first");
    }
  });

  it("is one short line, the same when it is asked for again", () => {
    const first = contentOf(script);
    expect(first).toMatch(/^[0-9a-f]{16}\n$/);
    expect(contentOf(script)).toBe(first);
  });

  it.each(edits)("is another when %s", (_, edit) => {
    const before = contentOf(script);
    edit();
    expect(contentOf(script)).not.toBe(before);
  });

  it("is the same after a build, and with an editor open", () => {
    const before = contentOf(script);
    for (const name of products) {
      write(name, "built");
    }
    expect(contentOf(script)).toBe(before);
  });

  it("is of an empty folder too", () => {
    rmSync(join(tree, "main.c"));
    rmSync(join(tree, "sub dir"), { recursive: true });
    expect(contentOf(script)).toMatch(/^[0-9a-f]{16}\n$/);
  });
});

describe("content by time", () => {
  it("is another if a file was touched, as it is for make", () => {
    const before = contentOf(contentByTime);
    touch("main.c");
    expect(contentOf(contentByTime)).not.toBe(before);
  });

  it("is another if a link leads elsewhere", () => {
    symlinkSync("main.c", join(tree, "link"));
    const before = contentOf(contentByTime);
    rmSync(join(tree, "link"));
    symlinkSync("other.c", join(tree, "link"));
    expect(contentOf(contentByTime)).not.toBe(before);
  });
});

describe("content by bytes", () => {
  it("is the same if a file was touched, and in a copy", () => {
    const before = contentOf(contentByBytes);
    touch("main.c");
    expect(contentOf(contentByBytes)).toBe(before);
  });
});

describe.each([
  ["by bytes", contentByBytes],
  ["of a user's tree", contentOfTree],
] as const)("content %s, with a .gitignore", (_, script) => {
  it.each([
    ["*.log", "sub dir/a.log"],
    ["out/", "out/deep/file"],
    ["/rooted", "rooted"],
    ["sub dir/made", "sub dir/made"],
    ["with spaces ", "with spaces"],
    ["it's 'odd'", "it's 'odd'"],
  ])("leaves aside what %j names: %s", (pattern, file) => {
    write(".gitignore", `# a comment\n\n${pattern}\n`);
    const before = contentOf(script);
    write(file, "ignored");
    expect(contentOf(script)).toBe(before);
    write("noticed.c");
    expect(contentOf(script)).not.toBe(before);
  });

  it("leaves aside a pattern with / at the root alone", () => {
    write(".gitignore", "/rooted\n");
    const before = contentOf(script);
    write("sub dir/rooted", "noticed");
    expect(contentOf(script)).not.toBe(before);
  });

  it("runs nothing of what the file says", () => {
    write(".gitignore", `-delete\n$(touch canary)\n'; touch canary; '\n\`touch canary\`\n-exec touch canary {} +\n)\n`);
    contentOf(script);
    expect(existsSync(join(tree, "canary"))).toBe(false);
    expect(existsSync(join(tree, "main.c"))).toBe(true);
  });
});

describe("content of a clone", () => {
  beforeEach(() => {
    git("init", "-q");
    write(".gitignore", "*.log\n");
    git("add", ".");
    git("commit", "-qm", "first");
  });

  it("is the same if a file was touched, and if an ignored one is new", () => {
    const before = contentOf(contentOfGit);
    touch("main.c");
    write("a.log", "x");
    expect(contentOf(contentOfGit)).toBe(before);
  });

  it("is the same whatever its person has git ignore everywhere", () => {
    const home = temporaryFolder("home-");
    const own = { ...process.env, HOME: home, XDG_CONFIG_HOME: undefined };
    const ask = (env: NodeJS.ProcessEnv) =>
      execFileSync("bash", ["-euo", "pipefail", "-c", `${library}\n${contentOfGit}`], { cwd: tree, env }).toString();
    write("generated.c", "int a;");
    const before = ask(own);
    mkdirSync(join(home, ".config/git"), { recursive: true });
    writeFileSync(join(home, ".config/git/ignore"), "generated.c\n");
    expect(git("status", "--porcelain").toString()).toContain("generated.c");
    expect(ask(own)).toBe(before);
    write("generated.c", "int b;");
    expect(ask(own)).not.toBe(before);
  });

  it("is another after the first commit, before which it tells of edits, staged or not", () => {
    rmSync(join(tree, ".git"), { recursive: true });
    git("init", "-q");
    const seen = [
      () => {},
      () => write("main.c", "edited"),
      () => git("add", "."),
      () => write("main.c", "edited again"),
      () => git("commit", "-qam", "first"),
    ].map((step) => {
      step();
      return contentOf(contentOfGit);
    });
    expect(new Set(seen).size).toBe(seen.length);
  });

  it("is another after a commit, whatever is in it", () => {
    const before = contentOf(contentOfGit);
    git("commit", "-qm", "second", "--allow-empty");
    expect(contentOf(contentOfGit)).not.toBe(before);
  });

  it("tells two versions of a file that is not committed apart, tracked or not", () => {
    const seen = ["1", "2"].flatMap((text) => {
      write("untracked", text);
      const untracked = contentOf(contentOfGit);
      write("main.c", text);
      return [untracked, contentOf(contentOfGit)];
    });
    expect(new Set(seen).size).toBe(4);
  });

  it("changes nothing in the repository", () => {
    touch("main.c");
    const index = readFileSync(join(tree, ".git/index"));
    contentOf(contentOfGit);
    expect(readFileSync(join(tree, ".git/index")).equals(index)).toBe(true);
  });
});

/** Standing trees have notes with these digests: another one would take an unedited tree for an edited one. */
describe("the digests of the notes in standing trees", () => {
  it("are made as ever, by bytes and by time", () => {
    write(".gitignore", "*.log\nout/\n");
    for (const name of ["main.c", "sub dir/it's.h", ".gitignore", "a.log", "main.o"]) {
      write(name, name === ".gitignore" ? "*.log\nout/\n" : name);
      touch(name);
    }
    expect([contentOf(contentByBytes), contentOf(contentByTime)]).toEqual(["1cb82e0a57d62b8b\n", "660d91335538c325\n"]);
  });
});
