import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import { readBuildId } from "./build-id.ts";
import { lines, sh } from "./shell.ts";

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
  const script = lines(readBuildId(file), sh`printf %s "$id"`);
  return execFileSync("bash", ["-c", script.shell], { encoding: "utf8" });
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

it("reads nothing where there is none", () => {
  expect(idIn(note(1, "GNU", Buffer.alloc(20, 7)))).toBe("");
  expect(idIn(Buffer.alloc(0))).toBe("");
  expect(idIn(undefined)).toBe("");
});
