import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { type Ran, runStep, type Verb } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";
import { resultIn } from "../machine/step.ts";

// Runs as the user who runs the test.
const stubs = { setpriv: `while [ "$1" != env ]; do shift; done; exec "$@"`, ldconfig: ":" };
const makefile = `all: version.h libduet.so.1 duet
version.h:
	echo '#define VERSION "1"' >$@
libduet.so.1: ; echo library >$@
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
const build = (sources: string, content: string) => {
  const values = { ...common(), programs: join(tree, "duet-progs"), sources, content };
  return runStep(scriptText(import.meta.url, "tools-build.sh", values), "create", { stubs });
};
const hash = (ran: Ran) => resultIn(ran.stdout, "hash");

/** A kind of sources, by what makes its step's run, and the function that hashes it outside git. */
const kinds = [
  { name: "a tree of the user's", bring: (verb: Verb) => source("tree.sh", verb), content: "content_of_tree" },
  {
    name: "a git work tree",
    bring: (verb: Verb) => source("tree.sh", verb),
    content: "content_of_tree",
    before: () => {
      const git = (...words: string[]) =>
        execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...words], { cwd: tree });
      git("init", "-q");
      git("add", "-A");
      git("commit", "-qm", "first");
    },
  },
];

describe.runIf(process.getuid?.() === 0)("what make writes to a tree", () => {
  for (const { name, bring, content, before } of kinds) {
    it(`is no edit of ${name}`, async () => {
      before?.();
      const given = hash(await bring("create"));
      const clean = (await bring("facts")).stdout;
      expect((await build(given, content)).code).toBe(0);
      expect((await bring("facts")).stdout).toBe(clean);
      expect(hash(await bring("create"))).toBe(given);
    });

    it(`leaves an edit of ${name} one, also if it comes while make runs`, async () => {
      before?.();
      const given = hash(await bring("create"));
      const clean = (await bring("facts")).stdout;
      await build(given, content);
      appendFileSync(join(tree, "duet-progs/duet.c"), "int more;\n");
      expect((await bring("facts")).stdout).not.toBe(clean);
      const edited = hash(await bring("create"));
      // The first make that sees the edit makes another one, as somebody at an editor would.
      const meanwhile = `duet: duet.c version.h\n\tcat $^ >$@; grep -q last duet.c || { sleep 0.05; echo 'int last;' >>duet.c; }\n`;
      write("duet-progs/Makefile", makefile.replace(/duet: duet.c version.h\n.*\n/, meanwhile));
      await build(edited, content);
      expect(readFileSync(join(tree, "duet-progs/duet"), "utf8")).toContain("int last;");
      rmSync(join(tree, "duet-progs/duet"));
      expect((await bring("facts")).stdout).not.toBe(clean);
    });
  }
});
