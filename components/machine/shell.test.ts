import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Shell, sh } from "./shell.ts";

/** Any text that an argument of a process can hold: no NUL byte, and no half of a surrogate pair. */
const anyText = fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", ""));

/** Text of what is special to a shell, since plain strings hold little of it. */
const shellText = fc
  .array(
    fc.constantFrom(
      ..."'\"\\`$(){}[]<>|&;*?!#~=%^-\n\r\t a",
      "$(x)",
      "`x`",
      "'\\''",
      "$'\\n'",
      "${x}",
      "&&",
      "<<E",
      "é",
    ),
  )
  .map((parts) => parts.join(""));

const words = fc.array(fc.oneof(anyText, shellText), { maxLength: 60 });

/** The words that bash makes of a script's list. */
function wordsOf(list: Shell): readonly string[] {
  const script = sh`for word in ${list}; do printf '%s\0' "$word"; done`;
  return execFileSync("bash", ["-euc", script.shell], { encoding: "utf8" }).split("\0").slice(0, -1);
}

describe("sh", () => {
  it("makes each value one word of bash, whatever is in it", () => {
    fc.assert(
      fc.property(words, (values) => {
        expect(wordsOf(sh`${values}`)).toEqual(values);
      }),
      { numRuns: 40 },
    );
  });

  it("keeps a value whole through a script in a script in a script", () => {
    fc.assert(
      fc.property(words, (values) => {
        const print = sh`printf '%s\0' . ${values}`;
        const nested = sh`bash -c ${sh`exec bash -c ${print.shell}`.shell}`;
        const printed = execFileSync("bash", ["-c", nested.shell], { encoding: "utf8" });
        expect(printed.split("\0").slice(1, -1)).toEqual(values);
      }),
      { numRuns: 15 },
    );
  });

  it("keeps a value whole next to literal text and in an assignment", () => {
    const value = `a'b "$(c)" *`;
    const printed = execFileSync("bash", ["-c", sh`x=${value}; printf '%s|%s' --name=${value} "$x"`.shell]);
    expect(printed.toString()).toBe(`--name=${value}|${value}`);
  });

  it("makes a word of an empty value, and none of an empty list", () => {
    expect(wordsOf(sh`${["", "a", ""]}`)).toEqual(["", "a", ""]);
    expect(wordsOf(sh`${[]}`)).toEqual([]);
  });

  it("leaves plain values readable", () => {
    expect(sh`cp -- ${"/a/b-1_2.c"} ${["x=1", 7]}`.shell).toBe("cp -- /a/b-1_2.c x=1 7");
  });

  it("inserts bash as it is, alone and among words", () => {
    expect(sh`${sh`a ${"b c"}`}; ${["d e", sh`"$f"`]}`.shell).toBe(`a 'b c'; 'd e' "$f"`);
  });

  it("takes a backslash of the template as bash's own", () => {
    expect(sh`printf '%s\n' \$x`.shell).toBe("printf '%s\\n' \\$x");
  });

  it("refuses a NUL byte, which no argument can hold, and says where it saw it", () => {
    expect(() => sh`echo ${"a\0b"}`).toThrow('it has a NUL byte: "a\\u0000b"');
    expect(() => sh`echo ${["a", "\0"]}`).toThrow("NUL byte");
  });
});
