/** What a page of the docs has that can be held against the project: links, headings, code and words, with their lines. */
import MarkdownIt, { type Token } from "markdown-it";

/** A piece of a page. */
export interface Piece {
  /** A "block" of code, "code" within a sentence, the "words" of a sentence, or a "link" or picture by where it leads. */
  readonly kind: "block" | "code" | "words" | "link";
  readonly text: string;
  /** The line of the page at which the block that it is in begins, from 1. */
  readonly line: number;
}

/** What a page has. */
export interface Page {
  /** In their order, words that follow each other as one. */
  readonly pieces: readonly Piece[];
  /** The names by which GitHub lets a link lead to its headings. */
  readonly anchors: ReadonlySet<string>;
}

const kinds: Readonly<Record<string, Piece["kind"]>> = {
  fence: "block",
  code_block: "block",
  code_inline: "code",
  text: "words",
  softbreak: "words",
};

// A remark is HTML, and none of the words.
const markdown = new MarkdownIt({ html: true });

/** Reads a page. */
export function readPage(text: string): Page {
  const pieces: Piece[] = [];
  const anchors = new Set<string>();
  let line = 1;
  let isHeading = false;
  for (const block of markdown.parse(text, {})) {
    line = block.map === null ? line : block.map[0] + 1;
    const parts = (block.children ?? [block]).flatMap((token) => piecesOf(token, line));
    pieces.push(...joined(parts));
    if (isHeading && block.children !== null) {
      anchors.add(anchorOf(block.children.map(({ content }) => content).join(""), anchors));
    }
    isHeading = block.type === "heading_open";
  }
  return { pieces, anchors };
}

function piecesOf(token: Token, line: number): readonly Piece[] {
  const target = token.attrGet("href") ?? token.attrGet("src");
  if (target !== null) {
    return [{ kind: "link", text: decodeURI(target), line }];
  }
  const kind = kinds[token.type];
  return kind === undefined ? [] : [{ kind, text: token.type === "softbreak" ? " " : token.content, line }];
}

function joined(parts: readonly Piece[]): readonly Piece[] {
  const pieces: Piece[] = [];
  for (const part of parts) {
    const last = pieces.at(-1);
    if (part.kind === "words" && last?.kind === "words") {
      pieces.splice(-1, 1, { ...last, text: last.text + part.text });
    } else {
      pieces.push(part);
    }
  }
  return pieces;
}

/** The name of a heading: a second one of the same words has a number behind it. */
function anchorOf(heading: string, others: ReadonlySet<string>): string {
  const name = heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, "")
    .replaceAll(" ", "-");
  const candidates = [name, ...Array.from({ length: others.size }, (_, index) => `${name}-${index + 1}`)];
  return candidates.find((candidate) => !others.has(candidate)) ?? name;
}
