import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { sh } from "../components/machine/shell.ts";
import { runBash } from "../test/support/run-script.ts";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { markUsed, removeUnused } from "./cache.ts";

const month = 31 * 24 * 3600 * 1000;

let cache: string;
beforeEach(() => {
  cache = temporaryFolder("duet-cache-");
});

/** Makes something in the cache. */
function make(path: string): string {
  mkdirSync(join(cache, path, "below"), { recursive: true });
  writeFileSync(join(cache, path, "below/file"), "");
  return join(cache, path);
}

/** What is removed: what was said of it, and what is there afterwards. */
function removed(used: readonly string[] = [], now = Date.now()): string {
  const said: string[] = [];
  removeUnused(cache, used, (line) => said.push(line), now);
  return said.map((line) => line.replace(/^remove from \S+ what nobody .* were: /, "")).join("\n");
}

const later = () => new Promise((resolve) => setTimeout(resolve, 15));

it("keeps what was used within a month, and removes the rest of what has a key", () => {
  const paths = ["go/mod", "image/one", "kernel/two", "node/v24", "toolchain/three"];
  for (const path of [...paths, "something/else", "image/.work-1"]) {
    make(path);
  }
  expect(removed()).toBe("");
  expect(removed([], Date.now() + month)).toBe(paths.join(", "));
  expect(paths.filter((path) => existsSync(join(cache, path)))).toEqual([]);
  expect(readdirSync(join(cache, "image"))).toEqual([".work-1"]);
  expect(readdirSync(cache)).toContain("something");
});

it("keeps the four of a kind that were used last", async () => {
  for (const name of ["a", "b", "c", "d", "e", "f"]) {
    make(`kernel/${name}`);
    await later();
  }
  // As a stack takes what it needs, and gives it back.
  markUsed(join(cache, "kernel/a"));
  expect(removed()).toBe("kernel/c, kernel/b");
  expect(readdirSync(join(cache, "kernel")).sort()).toEqual(["a", "d", "e", "f"]);
});

it("keeps what is in use, with the time of its content", async () => {
  const names = ["a", "b", "c", "d", "e", "f"];
  const used = names.map((name) => join(make(`image/${name}`), "debian-12.qcow2"));
  const file = join(cache, "image/fetched.qcow2");
  writeFileSync(file, "");
  utimesSync(file, 1000, 2000);
  const before = statSync(file).ctimeMs;
  await later();
  expect(removed([...used, file], Date.now() + month)).toBe("");
  expect(statSync(file)).toMatchObject({ mtimeMs: 2_000_000 });
  expect(statSync(file).ctimeMs).toBeGreaterThan(before);
});

it("removes what a run that was killed meanwhile has left", () => {
  make("image/.unused-one");
  expect(removed()).toBe("image/.unused-one");
  expect(readdirSync(join(cache, "image"))).toEqual([]);
});

it("is harmless in a cache that is not there", () => {
  markUsed(join(cache, "none"));
  removeUnused(join(cache, "none"), [], () => expect.fail());
});

it.runIf(process.getuid?.() === 0)("says what it cannot remove, and goes on", async () => {
  const path = make("image/one");
  const program = `import { removeUnused } from "${join(import.meta.dirname, "cache.ts")}";
removeUnused(${JSON.stringify(cache)}, [], console.log, Date.now() + ${month});`;
  const before = sh`mount --bind ${cache} ${cache}; mount -o remount,ro,bind ${cache}`.shell;
  const node = sh`node --input-type=module-typescript --eval ${program}`.shell;
  const ran = await runBash(node, { enter: ["unshare", "--mount"], before });
  expect(ran.code).toBe(0);
  expect(ran.stdout.trim().split("\n").at(-1)).toMatch(/^cannot remove \S+image\/one: EROFS.*; remove it by hand$/);
  expect(existsSync(path)).toBe(true);
});
