/** As much of markdown-it as the check of the pages needs: it comes without types. */
declare module "markdown-it" {
  /** A part of a page: a block, or what stands in one, as `children`. Source: lib/token.mjs. */
  export interface Token {
    /** Such as "fence", "code_inline", "link_open". */
    readonly type: string;
    readonly content: string;
    /** The first line, and the one behind the last, from 0. Only blocks have it. */
    readonly map: readonly [number, number] | null;
    readonly children: readonly Token[] | null;
    attrGet(name: string): string | null;
  }

  export default class MarkdownIt {
    constructor(options?: { readonly html?: boolean });
    parse(text: string, environment: object): readonly Token[];
  }
}
