/** Holds what pages say against the project: where links lead, commands, keys of the spec, files, names of tests. */
import { basename, dirname, join } from "node:path";
import { parse } from "yaml";
import { entriesOf, type Schema } from "../reference/schema.ts";
import { type Page, type Piece, readPage } from "./pages.ts";

/** What pages are held against. */
export interface Known {
  /** Paths of the project's files. */
  readonly files: readonly string[];
  /** Names of the scripts of package.json. */
  readonly scripts: readonly string[];
  /** Names of the verbs of duetctl. */
  readonly verbs: readonly string[];
  /** Whether pulumi has such a command. */
  readonly isCommand: (name: string) => boolean;
  /** The shape of a spec. */
  readonly spec: Schema;
  /** Gives the text of a file. */
  readonly read: (file: string) => string;
}

/** The page that has a line for each other one of its folder. */
const contents = "docs/README.md";

/** Where a command begins: a line, a code within a sentence, another command's end. */
const beginning = String.raw`(?:^[ \t]*(?:[$#] )?|&& |; |\| |\$\(|["'])(?:sudo )?(?:bin/)?`;
/** A file that is named in a text: by a path, or by its name alone. */
const fileName = /(?<![\w/.…~$*@-])(?:[\w@-][\w@.-]*\/)*[\w@-]+(?:\.test)?\.(?:ts|sh|gdb|xsl|awk|md)(?![\w/-]|\.\w)/g;
/** What stands for a name: NAME.sh, STATE/launch.json. */
const placeholder = /(?:^|[/.-])(?!README\b)[A-Z]{2,}(?=[/.-]|$)/;

/** What is wrong in pages, whose texts are given by their paths, a line each: `PAGE:LINE: what`. */
export function problemsIn(texts: Readonly<Record<string, string>>, known: Known): readonly string[] {
  const pages = new Map(Object.entries(texts).map(([file, text]) => [file, readPage(text)]));
  const checks = checksOf(pages, known);
  const wrong = [...pages].flatMap(([file, { pieces }]) =>
    pieces.flatMap((piece, index) => {
      const problems = checks[piece.kind](piece.text, file, pieces[index - 1]);
      return problems.map((problem) => `${file}:${piece.line}: ${problem}`);
    }),
  );
  return [...new Set([...wrong, ...unlisted(pages)])];
}

type Check = (text: string, page: string, before: Piece | undefined) => readonly string[];

function checksOf(pages: ReadonlyMap<string, Page>, known: Known): Readonly<Record<Piece["kind"], Check>> {
  const { files } = known;
  const keys = new Set(keysOf(known.spec));
  const paths = new Set(files.flatMap((file) => [file, ...foldersOf(file)]));
  const isThere = (path: string, page: string) =>
    ["", "components", dirname(page)].some((folder) => paths.has(join(folder, path)));
  const hasFile = (path: string, page: string) =>
    path.includes("/") ? isThere(path, page) : files.some((file) => basename(file) === path);
  const missing = (named: readonly string[], page: string, has: typeof isThere) =>
    named.filter((path) => !placeholder.test(path) && !has(path, page)).map((path) => `there is no ${path}`);
  const named = (text: string, page: string) => missing(text.match(fileName) ?? [], page, hasFile);
  const inCode = (text: string, page: string) => [
    ...commandProblems(text, known),
    ...missing(typed(text, String.raw`(?:bash|node|(?:npx )?vitest run) (\w[\w.-]*/[\w@./-]*)`), page, isThere),
    ...keyProblems(text, keys),
    ...named(text, page),
  ];
  return {
    link: (text, page) => linkProblems(text, page, pages, paths),
    block: inCode,
    code: (text, page) => [
      ...inCode(text, page),
      // A path of any kind, if it begins with a folder of the project.
      ...missing(
        [...text.matchAll(/^(\w[\w.-]*)\/[\w@./-]*$/g)].flatMap(([path, first = ""]) =>
          paths.has(first) ? [path] : [],
        ),
        page,
        (path, page) => isThere(path.replace(/\/$/, ""), page),
      ),
    ],
    words: (text, page, before) => [
      ...named(text, page),
      ...(before?.kind === "code" && files.includes(before.text) ? titleProblems(text, before.text, known) : []),
    ],
  };
}

function foldersOf(path: string): readonly string[] {
  const folder = dirname(path);
  return folder === "." ? [folder] : [folder, ...foldersOf(folder)];
}

function linkProblems(
  target: string,
  page: string,
  pages: ReadonlyMap<string, Page>,
  paths: ReadonlySet<string>,
): readonly string[] {
  if (/^[a-z][a-z+.-]*:/i.test(target)) {
    return [];
  }
  const [path = "", anchor] = target.split("#");
  const other = path === "" ? page : join(dirname(page), path);
  if (!paths.has(other.replace(/\/$/, ""))) {
    return [`the link ${target} leads to nothing`];
  }
  const leads = anchor === undefined || pages.get(other)?.anchors.has(anchor);
  return leads ? [] : [`the link ${target} leads to no heading of ${other}`];
}

/** The pages of the docs that the table of contents does not lead to. */
function unlisted(pages: ReadonlyMap<string, Page>): readonly string[] {
  const links = (pages.get(contents)?.pieces ?? []).filter(({ kind }) => kind === "link");
  const listed = new Set(links.map(({ text }) => join(dirname(contents), text)));
  const missing = [...pages.keys()].filter((file) => /^docs\//.test(file) && file !== contents && !listed.has(file));
  return missing.map((file) => `${contents}: has no line for ${file}`);
}

/** What follows the beginnings of commands, as the group of a pattern takes it. */
function typed(text: string, words: string): readonly string[] {
  return [...text.matchAll(new RegExp(beginning + words, "gm"))].map(([, name = ""]) => name);
}

/** What npm does without a script of that name. */
const npmsOwn = ["install", "pack"];

/** The commands in a text that the project has not. */
function commandProblems(text: string, { scripts, verbs, isCommand }: Known): readonly string[] {
  const word = "([a-z][\\w:-]*)";
  return [
    ...typed(text, `npm (?:--silent )?(?:run )?${word}`)
      .filter((name) => !scripts.includes(name) && !npmsOwn.includes(name))
      .map((name) => `package.json has no script ${name}`),
    ...typed(text, `duetctl ${word}`)
      .filter((name) => !verbs.includes(name))
      .map((name) => `duetctl has no verb ${name}`),
    ...typed(text, `pulumi ${word}`)
      .filter((name) => !isCommand(name))
      .map((name) => `pulumi has no command ${name}`),
  ];
}

/**
 * The keys in a text that the spec has not, by their paths, as `duet:host.crashes.after`, or written out as YAML. A token of
 * Pulumi's, which has a second colon, is none, nor is the place of a probe in the kernel, behind `p:NAME`.
 */
function keyProblems(text: string, keys: ReadonlySet<string>): readonly string[] {
  const paths = text.matchAll(/(?<!\bp:\w+ )\bduet:[a-z]\w*(?:\[\d*\])?(?:\.\w+(?:\[\d*\])?)*(?!\w|:\w)/g);
  const names = [...paths].map(([path]) => path.replaceAll(/\[\d*\]/g, ""));
  // A kernel has any name, in which there may be a dot.
  const known = (name: string) => keys.has(name.replace(/^(duet:kernels)\.\w+(?:\.\d\w*)*/, "$1.*"));
  try {
    const spec = /^\s*duet:\w+:(?!\w)/m.test(text) ? (parse(text) ?? {}) : {};
    names.push(...namesIn(spec.config ?? spec, ""));
  } catch (error) {
    return [`this is no YAML: ${(error as Error).message.split("\n")[0]}`];
  }
  return [...new Set(names)].filter((name) => !known(name)).map((name) => `the spec has no key ${name}`);
}

/** The paths of the keys in a value, those in lists without their places. */
function namesIn(value: unknown, path: string): readonly string[] {
  if (Array.isArray(value)) {
    return value.flatMap((entry) => namesIn(entry, path));
  }
  if (typeof value !== "object" || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([key, part]) => {
    const own = path === "" ? key : `${path}.${key}`;
    return [own, ...namesIn(part, own)];
  });
}

/** The paths of the keys of a schema. */
function keysOf(schema: Schema, path = ""): readonly string[] {
  const { properties = {}, items, anyOf = [] } = schema;
  const own = Object.entries(properties).flatMap(([key, part]) => {
    const name = path === "" ? `duet:${key}` : `${path}.${key}`;
    return [name, ...keysOf(part, name)];
  });
  const parts = items === undefined ? anyOf : [items, ...anyOf];
  const named = entriesOf(schema).flatMap((entry) => [`${path}.*`, ...keysOf(entry, `${path}.*`)]);
  return [...own, ...named, ...parts.flatMap((part) => keysOf(part, path))];
}

/** The names of tests, in quotes behind a colon behind their file, that are not in it. */
function titleProblems(text: string, file: string, { read }: Known): readonly string[] {
  const [list = ""] = /^: (?:"[^"]+"(?:, | and )?)+/.exec(text) ?? [];
  const titles = [...list.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => title);
  return titles.filter((title) => !read(file).includes(title)).map((title) => `${file} has no "${title}"`);
}
