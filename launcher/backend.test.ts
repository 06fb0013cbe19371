import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { checkpoints, removeHalfAttributes } from "./backend.ts";

it("forgets the attributes that a pulumi was writing when it was killed, and no others", () => {
  const backend = temporaryFolder("backend-");
  const file = (name: string) => join(checkpoints(backend), name);
  mkdirSync(checkpoints(backend), { recursive: true });
  writeFileSync(file("dev.json"), "{}");
  writeFileSync(file("dev.json.attrs"), "");
  writeFileSync(file("dev.json.bak.attrs"), '{"user.cache_control":""}');
  writeFileSync(file("other.json.attrs"), "");
  removeHalfAttributes(backend, "dev");
  removeHalfAttributes(backend, "none");
  expect(
    ["dev.json", "dev.json.attrs", "dev.json.bak.attrs", "other.json.attrs"].map((name) => existsSync(file(name))),
  ).toEqual([true, false, true, true]);
});
