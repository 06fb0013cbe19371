import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText, type Values } from "./script-text.ts";
import { template } from "./template.ts";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder("it's scripts-");
});
const text = (values: Values, file = "main.sh") => scriptText(pathToFileURL(`${folder}/main.ts`).href, file, values);
const write = (name: string, lines: string) => writeFileSync(join(folder, name), lines);

describe("a script", () => {
  it("has its values as bash variables and arrays, whatever is in them, and runs nothing of them", () => {
    write("main.sh", `: "\${one?}" "\${many[*]-}"\nprintf '%s\\0' "$one" "\${#many[@]}" "\${many[@]}"\n`);
    const value = fc.string({ unit: "binary" }).map((it) => it.replaceAll("\0", ""));
    const special = fc.constantFrom("$(touch canary)", "`id`", "'", '"', "\\", "\n", "*", "$x", "'; touch canary; '");
    fc.assert(
      fc.property(fc.oneof(value, special), fc.array(fc.oneof(value, special), { maxLength: 4 }), (one, many) => {
        const printed = execFileSync("bash", ["-euc", text({ one, many })], { cwd: folder, encoding: "utf8" });
        expect(printed.split("\0").slice(0, -1)).toEqual([one, String(many.length), ...many]);
      }),
      { numRuns: 60 },
    );
    expect(() => execFileSync("ls", [join(folder, "canary")], { stdio: "ignore" })).toThrow();
  });

  it("is given just the values that it and its library declare", () => {
    mkdirSync(join(folder, "lib"));
    write("lib/a.sh", ': "${two:?}"\n. ./b.sh\n');
    write("lib/b.sh", ': "${three[0]:?}" # why\nb() { echo "${three[@]}"; }\n');
    write("main.sh", ': "${one:?}"\n. lib/a.sh\n. lib/b.sh\necho "$one $two"; b\n');
    const printed = execFileSync("bash", ["-euc", text({ one: 1, two: "x", three: ["a", "b c"] })], {
      encoding: "utf8",
    });
    expect(printed).toBe("1 x\na b c\n");
    expect(() => text({ one: 1, two: "x" })).toThrow(/main\.sh .*three.*given one,two/);
    expect(() => text({ one: 1, two: "x", three: [], four: "" })).toThrow("four");
  });

  it("has a file of the library once, however often it is sourced", () => {
    write("lib.sh", "echo once\n");
    write("main.sh", ". ./lib.sh\n. ./lib.sh\n");
    expect(execFileSync("bash", ["-euc", text({})], { encoding: "utf8" })).toBe("once\n");
  });

  it("has no comments if it is to be terse, and all of its values", () => {
    write("lib.sh", "# of the library\n\n  # indented\nb() { echo '#b' # behind\n}\n");
    write("main.sh", '# of the file\n: "${one:?}"\n. ./lib.sh\n\nb\necho "$one"\n');
    const base = pathToFileURL(`${folder}/main.ts`).href;
    const terse = scriptText(base, "main.sh", { one: "1\n# no comment\n\n2" }, true);
    expect(terse).not.toMatch(/^\s*# (?:of|indented)/m);
    expect(execFileSync("bash", ["-euc", terse], { encoding: "utf8" })).toBe("#b\n1\n# no comment\n\n2\n");
  });

  it("ends if a value that may not be empty is", () => {
    write("main.sh", ': "${one:?}"\necho reached\n');
    expect(() => execFileSync("bash", ["-euc", text({ one: undefined })], { stdio: "ignore" })).toThrow();
  });
});

describe("a template", () => {
  it("has its values in place of their names, and refuses a name without one", () => {
    write("conf", "a = @name@; b = @other@; mail@host\n");
    const base = pathToFileURL(`${folder}/main.ts`).href;
    expect(template(base, "conf", { name: "$& x", other: 1 })).toBe("a = $& x; b = 1; mail@host\n");
    expect(() => template(base, "conf", { name: "x" })).toThrow("@other@");
  });
});
