import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, it } from "vitest";
import { exclusive, holderOf } from "./exclusive.ts";

let count = 0;
const key = () => `test ${process.pid} ${count++}`;

it("is held by one, whose pid the other is told, and by the next one after it", async () => {
  const own = key();
  const release = await exclusive("stack dev", own, 0, "an editor");
  await expect(exclusive("stack dev", own)).rejects.toThrow(
    new RegExp(`^cannot work on stack dev: an editor, pid ${process.pid}, [^\\n]+$`),
  );
  release();
  (await exclusive("stack dev", own))();
});

it("does not keep another key out", async () => {
  const release = await exclusive("stack dev", key());
  (await exclusive("stack other", key()))();
  release();
});

it("is waited for if there is patience", async () => {
  const own = key();
  const release = await exclusive("stack dev", own);
  setTimeout(release, 200);
  (await exclusive("stack dev", own, 10_000))();
});

it("is given back by the kernel when its holder is killed", async () => {
  const own = key();
  const program = `import { exclusive } from ${JSON.stringify(join(import.meta.dirname, "./exclusive.ts"))};
await exclusive("stack dev", process.argv[1]); console.log("held"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, own], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  await expect(exclusive("stack dev", own)).rejects.toThrow(`pid ${child.pid}`);
  child.kill("SIGKILL");
  await once(child, "exit");
  (await exclusive("stack dev", own, 5000))();
});

it("is told of without being held", async () => {
  const own = key();
  expect(await holderOf(own)).toBeUndefined();
  const release = await exclusive("stack dev", own, 0, "an editor");
  expect(await holderOf(own)).toBe(`an editor, pid ${process.pid}`);
  release();
  expect(await holderOf(own)).toBeUndefined();
});
