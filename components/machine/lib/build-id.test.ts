import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { scriptText } from "../script-text.ts";
import { sh } from "../shell.ts";

const library = scriptText(import.meta.url, "build-id.sh", {});

function note(type: number, name: string, value: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(4, 0);
  head.writeUInt32LE(value.length, 4);
  head.writeUInt32LE(type, 8);
  return Buffer.concat([head, Buffer.from(`${name}\0`), value]);
}

function idIn(content: Buffer | undefined): string {
  const file = join(temporaryFolder("build-id-"), "notes");
  if (content !== undefined) {
    writeFileSync(file, content);
  }
  const call = sh`read_build_id ${file}; printf %s "$id"`.shell;
  return execFileSync("bash", ["-euo", "pipefail", "-c", `${library}\n${call}`], { encoding: "utf8" });
}

it("reads the build id among other notes, whatever bytes it has", () => {
  const byte = fc.oneof(fc.constantFrom(0, 3, 10, 20, 127, 128, 255), fc.integer({ min: 0, max: 255 }));
  const id = fc.array(byte, { minLength: 20, maxLength: 20 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(id, fc.boolean(), fc.boolean(), (id, isAfter, isBefore) => {
      const other = note(0x100, "Xen", Buffer.from([6, 0, 0, 0]));
      const notes = [...(isAfter ? [other] : []), note(3, "GNU", id), ...(isBefore ? [other] : [])];
      expect(idIn(Buffer.concat(notes))).toBe(id.toString("hex"));
    }),
    { numRuns: 40 },
  );
});

it("reads nothing if there is none", () => {
  expect(idIn(note(1, "GNU", Buffer.alloc(20, 7)))).toBe("");
  expect(idIn(Buffer.alloc(0))).toBe("");
  expect(idIn(undefined)).toBe("");
});
