import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { verbs } from "../ctl/verbs/index.ts";
import { parseInvocation } from "../launcher/invocation.ts";
import { project } from "../launcher/project.ts";
import { describedSpec } from "../reference/schema.ts";
import { type Known, problemsIn } from "./docs.ts";

const read = (file: string) => readFileSync(join(project, file), "utf8");

/** Commands that are about no stack: the launcher's own, and what pulumi has and a page names. */
const others = ["doctor", "login", "package"];

const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: project });
const known: Known = {
  files: [...new Set(listed.toString().split("\0"))].filter((file) => file !== ""),
  scripts: Object.keys(JSON.parse(read("package.json")).scripts),
  verbs: [...verbs.map((verb) => verb().name()), "help"],
  isCommand: (name) => others.includes(name) || !parseInvocation([name]).help,
  spec: describedSpec(),
  read,
};
/** Those of the docs, and those that say what is in a folder. */
const pages = known.files.filter((file) => /^docs\/.*\.md$|(?:^|\/)README\.md$/.test(file));

describe("the pages", () => {
  it("say nothing of links, commands, keys, files and tests that is not so", () => {
    expect(pages).toEqual(expect.arrayContaining(["README.md", "docs/README.md", "docs/reference/spec.md"]));
    expect(problemsIn(Object.fromEntries(pages.map((file) => [file, read(file)])), known)).toEqual([]);
  });
});

describe("what is held against the project", () => {
  /** What is wrong in a page of the docs. */
  const problems = (text: string, more: Readonly<Record<string, string>> = {}) =>
    problemsIn({ "docs/README.md": "[it](loop.md)", "docs/loop.md": text, ...more }, known).map((problem) =>
      problem.replace(/^docs\/loop\.md:\d+: /, ""),
    );

  it.each([
    ["[a](architecture.md) ![b](../README.md) [c](../test/) [d](https://example.org/x.md) [e](mailto:a@b)"],
    ["# One `two`, three!\n\n[a](#one-two-three) [b](loop.md#one-two-three)"],
    ["## A\n\n## A\n\n[a](#a) [b](#a-1)"],
    [
      "    npm run up\n    npm test\n    bin/duetctl ssh duetdev -- true\n    sudo bin/pulumi doctor --stack workstation",
    ],
    ["```sh\nbash test/lint.sh && node sandbox/cli.ts status; bash NAME.sh facts\n```"],
    ["Type `duetctl --help`, `duetctl VERB`, `pulumi up` or\n`npm\nrun lint`. pulumi ends then, and duetctl begins."],
    ["    pulumi   starts the program\n    duetctl, of which this is a drawing"],
    ["`duet:host.crashes.after`, `duet:vms[].gdbPort`, `duet:sources.kernel.git`, `duet:host:NfsExport`, `duet:*`"],
    ["`echo 'p:mine duet:duet_handle_event index=$arg2:u64' >>kprobe_events`"],
    ["`duet:kernel: { toolchain: { suite: … }, fragments: [perf] }`"],
    ["```yaml\nduet:host:\n  crashes:\n    dumps: 3 # each\n```"],
    ["    config:\n      duet:vms:\n        - { name: one, memory: 1024 }"],
    ["`components/names.ts`, `machine/step.sh`, `step.sh`, `docs/drift.md`, `drift.md`, `samples/tools`, `test/`"],
    [
      "In components/host/gdb-port.ts, gdb-port.sh: see `/var/lib/x.sh`, `STATE/GUEST.editor.sh`, `$HOME/y.sh`, …/z.sh.",
    ],
    ['`test/docs.test.ts`: "say nothing of links" and "what is held against\nthe project", which is "another thing"'],
    ["<!-- [a](nothing.md) `duetctl fly` -->"],
  ])("finds nothing wrong in %j", (text) => {
    expect(problems(text)).toEqual([]);
  });

  it.each([
    ["[a](architekture.md)", "the link architekture.md leads to nothing"],
    ["![a](picture.svg)", "the link picture.svg leads to nothing"],
    ["[a][b]\n\n[b]: ../docs/README", "the link ../docs/README leads to nothing"],
    ["# One\n\n[a](#two)", "the link #two leads to no heading of docs/loop.md"],
    ["[a](README.md#one)", "the link README.md#one leads to no heading of docs/README.md"],
    ["    npm run upp  # what", "package.json has no script upp"],
    ["```sh\ncd x && npm run fly\n```", "package.json has no script fly"],
    ["Type `npm run\nfly`.", "package.json has no script fly"],
    ["    bin/duetctl fly", "duetctl has no verb fly"],
    ['    code "$(duetctl stats --json | jq .x)"', "duetctl has no verb stats"],
    ["`sudo bin/pulumi upp`", "pulumi has no command upp"],
    ["    $ bash test/fly/run --now", "there is no test/fly/run"],
    ["    npx vitest run test/fly.test.ts", "there is no test/fly.test.ts"],
    ["`duet:hosts`", "the spec has no key duet:hosts"],
    ["`duet:no_such`", "the spec has no key duet:no_such"],
    ["`duet:vms[].port`", "the spec has no key duet:vms.port"],
    ["Ask for `duet:host: { stubb: socket }`", "the spec has no key duet:host.stubb"],
    [
      "    config:\n      duet:vms:\n        - { name: one }\n        - { memry: 1 }",
      "the spec has no key duet:vms.memry",
    ],
    ["`duet:host: { stub: socket`", expect.stringMatching(/^this is no YAML: /)],
    ["`components/host/gdb-ports.ts`", "there is no components/host/gdb-ports.ts"],
    ["`samples/modules`", "there is no samples/modules"],
    ["| a |\n| - |\n| host/gdb-ports.ts |", "there is no host/gdb-ports.ts"],
    ["In gdb-ports.sh.", "there is no gdb-ports.sh"],
  ])("finds what is wrong in %j", (text, problem) => {
    expect(problems(text)).toEqual([problem]);
  });

  it("is the name of a test, on one line or more", () => {
    const title = ["nobody", "has written"].join(" ");
    expect(problems(`- \`test/docs.test.ts\`: "say nothing of links",\n  "${title.replace(" ", "\n  ")}"`)).toEqual([
      `test/docs.test.ts has no "${title}"`,
    ]);
  });

  it("is each page, once in the table of contents, and the line at which it is wrong", () => {
    expect(problems("", { "docs/deep/other.md": "a\n\nb `duet:x`\n" })).toEqual([
      "docs/deep/other.md:3: the spec has no key duet:x",
      "docs/README.md: has no line for docs/deep/other.md",
    ]);
  });
});
