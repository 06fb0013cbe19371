import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sh } from "../../components/index.ts";
import { scriptText } from "../../components/machine/script.ts";
import { checkAll, demand } from "../e2e/checks.ts";
import { developer, shared, sources, type TestStack } from "../e2e/stack.ts";
import { change, type FieldCase, staysClean } from "./case.ts";

const [moduleTree, toolsTree] = [`${shared}/duet-module`, `${shared}/duet-tools`];

/** The commits that are asked for, by the repository: none is the last one of its branch. */
interface Commits {
  readonly kernel: string;
  readonly module: string;
  readonly tools: string;
}

/** Makes repositories of Duet's shape below a folder. */
async function makeRepositories(stack: TestStack, folder: string): Promise<Commits> {
  const made = scriptText(import.meta.url, "repositories/make.sh", {
    folder,
    samples: join(import.meta.dirname, "../../samples"),
    shape: join(import.meta.dirname, "repositories"),
    owner: `${developer.uid}:${developer.uid}`,
  });
  const commits = (await stack.host({ shell: made })).split("\n").map((line) => line.split(" "));
  return Object.fromEntries(commits);
}

/** What is in the guest that no package has brought. */
function installed(stack: TestStack): Promise<string> {
  return stack.guest("one", sh`find /usr/local/ ! -type d | sort`);
}

/** What is checked out in a folder, and whether that is all as committed. */
function checkedOut(stack: TestStack, tree: string): Promise<string> {
  const git = sh`git -c safe.directory='*' -C ${tree}`;
  return stack.host(sh`${git} rev-parse HEAD; ${git} diff --stat HEAD`);
}

/** A clone is its user's, and in the way of any other sources until that user moves it away. */
function removeClones(stack: TestStack): Promise<string> {
  const trees = [moduleTree, toolsTree];
  return stack.host(sh`for tree in ${trees}; do if [ -e "$tree/.git" ]; then rm -rf -- "$tree"; fi; done`);
}

/** What Duet's own repositories are like, which no sample is. */
export const repositoryCases: readonly FieldCase[] = [
  {
    kind: 8,
    name: "module and tools are repositories of Duet's shape, at commits that are not the last, with submodules",
    run: async (stack, say) => {
      const before = await installed(stack);
      const folder = mkdtempSync(join(tmpdir(), "duet-repositories-"));
      chmodSync(folder, 0o755);
      try {
        const commits = await makeRepositories(stack, folder);
        const source = (name: keyof Commits) => ({ git: `file://${folder}/${name}`, branch: commits[name] });
        const asked = { ...sources, module: source("module"), tools: { ...source("tools"), submodules: true } };
        const output = await change(stack, { "duet:sources": asked });
        demand("the function of gdb's proof", output, /\bone-debug .*\bfunction: duet_hook$/m);
        demand("the module's sources", await checkedOut(stack, moduleTree), commits.module);
        demand("the tools' sources", await checkedOut(stack, toolsTree), commits.tools);
        for (const part of ["kernel", "module"] as const) {
          demand(`the submodule ${part}`, await checkedOut(stack, `${toolsTree}/duet-${part}`), commits[part]);
        }
        const hook = sh`grep -o ' duet_hook.*' /proc/kallsyms`;
        demand("the hook in the kernel", await stack.guest("one", hook), /duet_hook\s+\[duet\]/);
        const added = ["bin/dummy", "man/man8/duet.8.gz", "lib/libduet.so.1"].map((file) => `/usr/local/${file}`);
        demand("what is installed", await stack.guest("one", sh`ls -- ${added} | wc -l`), "3");
        demand(
          "the command",
          await stack.guest("one", sh`duet --help; duet status report`),
          /^Duet v1\.2\n.*^service: /ms,
        );
        await checkAll(stack, stack.guests, { hook: "duet_hook", task: "dummy" });
      } finally {
        await removeClones(stack);
        rmSync(folder, { recursive: true });
      }
      say("back");
      stack.writeSpec();
      await stack.run("up");
      await staysClean(stack);
      demand("what is installed", await installed(stack), before);
    },
  },
];
