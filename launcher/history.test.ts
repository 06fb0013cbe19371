import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { trimHistory } from "./history.ts";

it("remembers the last updates of a stack, and no file of an older one", () => {
  const backend = temporaryFolder("history-");
  const folder = join(backend, ".pulumi/history/duet/dev");
  mkdirSync(folder, { recursive: true });
  const kinds = ["history.json", "checkpoint.json", "history.json.attrs"];
  const filesOf = (update: number) => kinds.map((kind) => `dev-${1_700_000_000_000_000_000 + update * 1000}.${kind}`);
  for (let update = 0; update < 25; update++) {
    for (const file of filesOf(update)) writeFileSync(join(folder, file), "");
  }
  writeFileSync(join(folder, "somebody's"), "");
  trimHistory(backend, "dev");
  const last = Array.from({ length: 20 }, (_, index) => filesOf(index + 5)).flat();
  expect(readdirSync(folder).sort()).toEqual([...last, "somebody's"].sort());
  trimHistory(backend, "another");
});
