import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { lastLine, type Ran, runStep, type Verb } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";
import { resultIn } from "../machine/step.ts";

// Runs as the user who runs the test.
const stubs = { setpriv: `while [ "$1" != env ]; do shift; done; exec "$@"`, ldconfig: ":" };
const makefile = `all: version.h libduet.so.1 duet
version.h:
	echo '#define VERSION "1"' >$@
libduet.so.1: ; date +%N >$@
duet: duet.c version.h
	cat $^ >$@
`;
let directory: string;
let tree: string;
let records: string;

beforeEach(() => {
  directory = temporaryFolder("it's made-");
  [tree, records] = [join(directory, "duet-tools"), join(directory, "steps")];
  execFileSync("mkdir", ["-p", join(tree, "duet-progs")]);
  write("duet-progs/Makefile", makefile);
  write("duet-progs/duet.c", "int main;\n");
});

const write = (name: string, text: string) => writeFileSync(join(tree, name), text);
const common = () => ({ tree, made_note: join(directory, ".duet/holds/duet-tools/.made"), uid: 0, gid: 0 });
const source = (file: string, verb: Verb, values = {}) => {
  const all = { ...common(), directory, what: "duet-tools", stack: "dev", ...values };
  return runStep(scriptText(new URL("../sources/x", import.meta.url).href, file, all), verb, { stubs, records });
};
const build = (sources: string) => {
  const values = { ...common(), programs: join(tree, "duet-progs"), tasks: join(tree, "dummy_task"), sources };
  return runStep(scriptText(import.meta.url, "tools-build.sh", values), "create", { stubs });
};
const hash = (ran: Ran) => resultIn(ran.stdout, "hash");

/** Kinds of sources: what makes one, and what runs its step. */
const kinds = [
  { name: "a tree of the user's", bring: (verb: Verb) => source("tree.sh", verb) },
  {
    name: "a git work tree",
    bring: (verb: Verb) => source("tree.sh", verb),
    before: () => {
      for (const words of [
        ["init", "-q"],
        ["add", "-A"],
        [...author, "commit", "-qm", "first"],
      ]) {
        execFileSync("git", words, { cwd: tree });
      }
    },
  },
  {
    name: "a copy",
    bring: (verb: Verb) => source("copy.sh", verb, { seed: join(directory, "seed") }),
    before: () => renameSync(tree, join(directory, "seed")),
  },
];
const author = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"];

describe.runIf(process.getuid?.() === 0).each(kinds)("what make writes to $name", ({ bring, before }) => {
  const brought = async () => {
    before?.();
    return { given: hash(await bring("create")), clean: (await bring("facts")).stdout };
  };
  const facts = async () => (await bring("facts")).stdout;

  it("is no edit, made once or again", async () => {
    const { given, clean } = await brought();
    for (const _ of [1, 2]) {
      expect(lastLine(await build(given))).not.toMatch(/^cannot/);
      expect(await facts()).toBe(clean);
      expect(hash(await bring("create"))).toBe(given);
      // A Makefile that writes another time, or whatever, each time.
      appendFileSync(join(tree, "duet-progs/libduet.so.1"), "\0");
      expect(await facts()).toBe(clean);
      rmSync(join(tree, "duet-progs/duet"));
    }
  });

  it("is an edit once somebody has edited it", async () => {
    const { given, clean } = await brought();
    await build(given);
    appendFileSync(join(tree, "duet-progs/version.h"), "#define MORE\n");
    expect(await facts()).not.toBe(clean);
  });

  it("leaves an edit one, if it comes before make, after it, or while it runs", async () => {
    const { given, clean } = await brought();
    const edit = () => appendFileSync(join(tree, "duet-progs/duet.c"), "int more;\n");
    const undo = () => write("duet-progs/duet.c", "int main;\n");
    edit();
    await build(given);
    expect(await facts()).not.toBe(clean);
    undo();
    edit();
    expect(await facts()).not.toBe(clean);
    // make itself edits and adds, as somebody at an editor would meanwhile.
    const meanwhile = "{ sleep 0.05; echo 'int last;' >>duet.c; echo 'int new;' >new.c; }";
    write("duet-progs/Makefile", makefile.replace("cat $^ >$@", `cat $^ *.c >$@; grep -q last duet.c || ${meanwhile}`));
    await build(hash(await bring("create")));
    expect(readFileSync(join(tree, "duet-progs/duet"), "utf8")).toMatch(/last[\s\S]*int new/);
    const built = await facts();
    undo();
    expect(await facts()).not.toBe(built);
  });

  it("is left alone at destroy with the tree, unless it is what any make writes", async () => {
    const { given } = await brought();
    await build(given);
    await bring("delete");
    expect(existsSync(join(tree, "duet-progs/duet"))).toBe(true);
  });
});
