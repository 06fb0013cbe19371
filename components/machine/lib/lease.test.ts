import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { lastLine, runLibrary } from "../../../test/support/run-script.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { scriptText } from "../script-text.ts";
import { sh } from "../shell.ts";

let root: string;
let folder: string;
beforeEach(() => {
  root = temporaryFolder("lease-");
  folder = join(root, "gdb ports");
});

const run = (owner: string, call: string, taken = ":") =>
  runLibrary(scriptText(import.meta.url, "lease.sh", { leases: folder, owner }), `taken() { ${taken}; }\n${call}`);

async function claim(owner: string, candidates: readonly number[], taken?: string): Promise<string> {
  const ran = await run(owner, sh`claim 'gdb port' ${candidates}`.shell, taken);
  return ran.code === 0 ? ran.stdout.trim() : lastLine(ran);
}
const release = (owner: string) => run(owner, "release");
const leased = () => readdirSync(folder).filter((name) => name !== ".lock");

describe("a lease", () => {
  it("goes to one owner each, also if many ask at once", async () => {
    const owners = Array.from({ length: 12 }, (_, index) => `stack${index}/vm`);
    const ports = await Promise.all(owners.map((owner) => claim(owner, [1234, 1235, ...Array(20).keys()])));
    expect(new Set(ports).size).toBe(12);
    expect(ports).toContain("1234");
    for (const [index, owner] of owners.entries()) {
      expect(readFileSync(join(folder, ports[index] ?? ""), "utf8").trim()).toBe(owner);
    }
  });

  it("is kept by its owner, who is asked for it again", async () => {
    await claim("other/vm", [1234]);
    expect(await claim("mine/vm", [1234, 1235, 1236])).toBe("1235");
    await release("other/vm");
    expect(await claim("mine/vm", [1234, 1235, 1236])).toBe("1235");
    expect((await run("mine/vm", "lease_fact 'gdb port'")).stdout).toBe("gdb port: 1235\n");
  });

  it("names the stack that has it", async () => {
    await claim("other/vm", [1234]);
    expect(await claim("mine/vm", [1234])).toMatch(/^cannot lease gdb port 1234 for mine\/vm: stack other\/vm /);
  });

  it("names a foreign user, and takes the next if there is a choice", async () => {
    const taken = `if [ "$1" = 1234 ]; then echo 'process 7 (nc)'; fi`;
    expect(await claim("mine/vm", [1234], taken)).toContain("process 7 (nc) uses it");
    expect(await claim("mine/vm", [1234, 1235], taken)).toBe("1235");
  });

  it("is given back if its owner gets another one in its place", async () => {
    expect(await claim("mine/vm", [1234, 1235])).toBe("1234");
    const taken = `if [ "$1" = 1234 ]; then echo 'process 7 (nc)'; fi`;
    expect(await claim("mine/vm", [1234, 1235], taken)).toBe("1235");
    expect(await claim("mine/vm", [4321])).toBe("4321");
    expect(leased()).toEqual(["4321"]);
  });

  it("is given back alone, and the folder only if it is empty", async () => {
    await claim("other/vm", [1]);
    await claim("mine/vm", [2]);
    await release("mine/vm");
    await release("mine/vm");
    expect(leased()).toEqual(["1"]);
    await release("other/vm");
    expect(readdirSync(root)).toEqual([]);
  });

  it("is taken under the lock that others take too, if its folder was removed while it waited", async () => {
    const remove = `install -d -- "$leases"
(
  lock_leases
  : >"$STUBS/locked"
  until grep -q -- "-> OFDLCK.*:$(stat -c %i "$leases/.lock") " /proc/locks; do sleep 0.05; done
  rm -rf -- "$leases"
) &
until [ -e "$STUBS/locked" ]; do sleep 0.05; done`;
    const stillLocked = `if (exec 8<>"$leases/.lock"; lock 8 0); then echo free; else echo locked; fi`;
    const ran = await run("mine/vm", `${remove}\nclaim 'gdb port' 1234\n${stillLocked}`);
    expect(ran).toMatchObject({ code: 0, stdout: "1234\nlocked\n", stderr: "" });
    expect(leased()).toEqual(["1234"]);
  });

  it("survives a claim that was cut off while it wrote", async () => {
    await claim("mine/vm", [1]);
    writeFileSync(join(folder, "2.new"), "");
    expect(await claim("other/vm", [1, 2])).toBe("2");
  });
});
