/**
 * Counts what the house is measured by, and prints it. `rooms` has hand-written lines of TypeScript, shell and
 * configuration a folder; tests, generated code and samples are counted apart or not at all.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";

/** What the rules of the house are held against: each is a list of the places that break one. */
export interface House {
  /** Columns of the longest line of a script, and where it is. */
  readonly longest: { readonly columns: number; readonly place: string };
  /** `sh` templates of more than one line. */
  readonly templates: readonly string[];
  /** Files of more than 300 lines. */
  readonly long: readonly string[];
  /** Exported functions and classes that no other file of the product imports, the package's exports aside. */
  readonly unused: readonly string[];
  /** What the package exports without a word on what it is: `FILE NAME`, or `FILE NAME.MEMBER`. */
  readonly wordless: readonly string[];
  /** Lines a room, of the product and of its tests. */
  readonly rooms: ReadonlyMap<string, { readonly product: number; readonly tests: number }>;
}

const root = dirname(import.meta.dirname);

/** Counts a project. `files` are its paths, by their text. */
export function countHouse(files: ReadonlyMap<string, string>): House {
  const product = [...files].filter(([file]) => !isTest(file));
  const modules = product.filter(([file]) => file.endsWith(".ts"));
  const parsed = modules.map(([file, text]) => ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  const imported = new Set(parsed.flatMap(importsOf));
  return {
    longest: longestLine(product.filter(([file]) => isScript(file))),
    templates: parsed.flatMap(longTemplates),
    long: product
      .filter(([file, text]) => !file.startsWith("toolchain/") && lines(text) > 300)
      .map(([file, text]) => `${file} (${lines(text)})`),
    unused: parsed.flatMap(exportsOf).filter((name) => !imported.has(name)),
    wordless: parsed.filter(({ fileName }) => fileName.startsWith("components/")).flatMap(wordlessIn(parsed)),
    rooms: countRooms(files),
  };
}

/** The project's files, by path: those that git knows and those that it would take, without what nobody writes. */
export function readHouse(): Map<string, string> {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
  const written = listed
    .toString()
    .split("\0")
    .filter(
      (file) =>
        file !== "" &&
        !/^(sdks|samples|docs\/reference)\/|^docs\/(drift|gdb|perf)\.md$|^package-lock\.json$|\.(sum|svg|schema\.json)$/.test(
          file,
        ),
    );
  const files = new Map<string, string>();
  for (const file of new Set(written)) {
    try {
      files.set(file, readFileSync(join(root, file), "utf8"));
    } catch {
      // Deleted, and git does not know yet.
    }
  }
  return files;
}

function isTest(file: string): boolean {
  return /^(test|bench)\/|\/test\/|\.test\.ts$/.test(file);
}

function isScript(file: string): boolean {
  return /\.sh$|^bin\//.test(file);
}

function lines(text: string): number {
  return text.split("\n").length - 1;
}

function longestLine(scripts: readonly (readonly [string, string])[]): House["longest"] {
  let longest = { columns: 0, place: "" };
  for (const [file, text] of scripts) {
    for (const [at, line] of text.split("\n").entries()) {
      if (line.length > longest.columns) {
        longest = { columns: line.length, place: `${file}:${at + 1}` };
      }
    }
  }
  return longest;
}

function longTemplates(source: ts.SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isTaggedTemplateExpression(node) && node.tag.getText() === "sh" && node.template.getText().includes("\n")) {
      found.push(`${source.fileName}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** `FILE NAME` of each function and class that the file exports. */
function exportsOf(source: ts.SourceFile): string[] {
  return source.statements.flatMap((statement) => {
    const isExported =
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    if (!isExported) {
      return [];
    }
    if ((ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) && statement.name !== undefined) {
      return [`${source.fileName} ${statement.name.text}`];
    }
    return ts.isVariableStatement(statement)
      ? statement.declarationList.declarations
          .filter(({ initializer }) => initializer !== undefined && ts.isArrowFunction(initializer))
          .map(({ name }) => `${source.fileName} ${name.getText()}`)
      : [];
  });
}

/** Finds what a file has of the package's exports without a comment for the API's reference, members too. */
function wordlessIn(parsed: readonly ts.SourceFile[]): (source: ts.SourceFile) => string[] {
  const index = parsed.find(({ fileName }) => fileName === "components/index.ts");
  const exported = new Set(index === undefined ? [] : importsOf(index));
  const hasWords = (node: ts.Node): boolean => ts.getJSDocCommentsAndTags(node).length > 0;
  return (source) =>
    source.statements.filter(isNamed).flatMap((statement) => {
      const name = `${source.fileName} ${statement.name.text}`;
      if (!exported.has(name)) {
        return [];
      }
      const members: readonly (ts.TypeElement | ts.ClassElement)[] =
        ts.isInterfaceDeclaration(statement) || ts.isClassDeclaration(statement) ? statement.members : [];
      const wordless = members.filter(isForOthers).filter((member) => !hasWords(member));
      return [...(hasWords(statement) ? [] : [name]), ...wordless.map((member) => `${name}.${member.name?.getText()}`)];
    });
}

type NamedStatement = ts.Statement & { readonly name: ts.Identifier };

function isNamed(statement: ts.Statement): statement is NamedStatement {
  const isKind =
    ts.isInterfaceDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isFunctionDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement);
  return isKind && statement.name !== undefined;
}

/** Whether a member is for who uses the package. A constructor is told of by its arguments. */
function isForOthers(member: ts.TypeElement | ts.ClassElement): boolean {
  const isPrivate = member.name !== undefined && ts.isPrivateIdentifier(member.name);
  return !isPrivate && !ts.isConstructorDeclaration(member);
}

/** `FILE NAME` of each thing that the file imports or hands on. */
function importsOf(source: ts.SourceFile): string[] {
  const found: string[] = [];
  const resolve = (specifier: ts.Node): string =>
    ts.isStringLiteral(specifier) ? join(dirname(source.fileName), specifier.text) : "";
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
      const bindings = ts.isImportDeclaration(node) ? node.importClause?.namedBindings : node.exportClause;
      if (bindings !== undefined && (ts.isNamedImports(bindings) || ts.isNamedExports(bindings))) {
        for (const { propertyName, name } of bindings.elements) {
          found.push(`${resolve(node.moduleSpecifier)} ${(propertyName ?? name).text}`);
        }
      }
    }
    // `const { name } = await import("./file.ts")`
    if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name) && node.initializer !== undefined) {
      const call = ts.isAwaitExpression(node.initializer) ? node.initializer.expression : node.initializer;
      if (ts.isCallExpression(call) && call.expression.kind === ts.SyntaxKind.ImportKeyword) {
        found.push(...node.name.elements.map(({ name }) => `${resolve(call.arguments[0]!)} ${name.getText()}`));
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function countRooms(files: ReadonlyMap<string, string>): House["rooms"] {
  const rooms = new Map<string, { product: number; tests: number }>();
  for (const [file, text] of files) {
    const room = file.includes("/") ? file.slice(0, file.indexOf("/")) : "top";
    const counted = rooms.get(room) ?? { product: 0, tests: 0 };
    counted[isTest(file) ? "tests" : "product"] += lines(text);
    rooms.set(room, counted);
  }
  return rooms;
}

if (import.meta.main) {
  const { longest, templates, long, unused, wordless, rooms } = countHouse(readHouse());
  const list = (name: string, places: readonly string[]): void =>
    console.log(`${name}: ${places.length === 0 ? "none" : places.join(", ")}`);
  console.log(`longest line of a script: ${longest.columns} columns, ${longest.place}`);
  list("sh templates of more than one line", templates);
  list("files over 300 lines", long);
  list("exported functions that only tests use", unused);
  list("exports of the package without a word", wordless);
  for (const [room, { product, tests }] of [...rooms].sort()) {
    console.log(`${room.padEnd(12)} ${String(product).padStart(6)} lines, tests ${String(tests).padStart(6)}`);
  }
}
