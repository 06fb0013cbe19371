/** A terminal, as far as it is written to. */
export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  write(text: string): unknown;
}

/**
 * Lines that stay, and below them some that change. Nothing is set in the terminal that would have to be set back: its
 * cursor, its modes and its colors are as they were after each write, whatever ends this process.
 */
export class Screen {
  readonly #terminal: Terminal;
  #drawn: readonly string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Writes lines that stay above, and draws those below them anew. None of these may be wider than the terminal. */
  draw(above: readonly string[], below: readonly string[]): void {
    if (above.length === 0 && below.join("\n") === this.#drawn.join("\n")) {
      return;
    }
    const stays = above.map((line) => `${line}\n`).join("");
    this.#terminal.write(`${this.#erase()}${stays}${below.join("\n")}`);
    this.#drawn = below;
  }

  /** Goes to the first of the changing lines, and erases to the end of the screen. Source: ECMA-48, CUU and ED. */
  #erase(): string {
    const up = this.#drawn.length - 1;
    return this.#drawn.length === 0 ? "" : `\r${up > 0 ? `\x1b[${up}A` : ""}\x1b[J`;
  }
}
