import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { trimConsoles } from "./consoles.ts";

it("keeps the end of a console that has grown large, while its guest goes on writing", () => {
  const folder = temporaryFolder("duet-consoles-");
  const [large, small, other] = ["a-console.log", "b-console.log", "a.log"].map((name) => join(folder, name));
  const line = `${"x".repeat(1023)}\n`;
  writeFileSync(large!, line.repeat(17 * 1024));
  writeFileSync(small!, line.repeat(1024));
  writeFileSync(other!, line.repeat(17 * 1024));
  // As QEMU opens it.
  const guest = openSync(large!, "a");
  writeSync(guest, "before\n");
  trimConsoles(join(folder, "none"));
  trimConsoles(folder);
  writeSync(guest, "after\n");
  closeSync(guest);
  const text = readFileSync(large!, "utf8");
  expect(text).toHaveLength(1024 ** 2 + "after\n".length);
  expect(text).toMatch(/x\nbefore\nafter\n$/);
  expect([small, other].map((file) => readFileSync(file!).length)).toEqual([1024 ** 2, 17 * 1024 ** 2]);
});
