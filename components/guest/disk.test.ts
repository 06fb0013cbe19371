import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { lastLine, runStep, type Stubs } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";

let root: string;
beforeEach(() => {
  root = temporaryFolder("disk-");
});

const gibibytes = (count: number) => String(count * 1024 ** 3);
const create = (gib: number, has: number, change: Stubs = {}) => {
  const where = { uri: "qemu:///system", guest: "duetdev", pool: "duet-dev", volume: "duetdev.qcow2" };
  const script = scriptText(import.meta.url, "disk.sh", { ...where, uuid: "u", gib, ssh: ["ssh", "duetdev"] });
  return runStep(script, "create", {
    stubs: {
      virsh: `shift 3; case $1 in vol-path) echo "/images/$3/$4";; domblkinfo) printf '%-16s%s\\n' Capacity: ${gibibytes(has)} Allocation: 7;; *) echo "virsh $*" >>'${root}/calls';; esac`,
      ssh: `echo ssh >>'${root}/calls'`,
      ...change,
    },
  });
};
const calls = () => (existsSync(join(root, "calls")) ? readFileSync(join(root, "calls"), "utf8") : "");

describe("the disk of a guest", () => {
  it("grows while the guest runs, and its file system with it", async () => {
    expect((await create(12, 8)).code).toBe(0);
    const path = "/images/duet-dev/duetdev.qcow2";
    expect(calls()).toBe(`virsh blockresize duetdev ${path} ${gibibytes(12)}B\nssh\n`);
  });

  it("that has its size only has its file system completed, if a run was cut off between the two", async () => {
    expect((await create(8, 8)).code).toBe(0);
    expect(calls()).toBe("ssh\n");
  });

  it("never shrinks: up says what it has, and touches nothing", async () => {
    const ran = await create(8, 12);
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^cannot make the disk of duetdev 8 GiB: it has 12 GiB, .*lost; /);
    expect(calls()).toBe("");
  });

  it("says that the file system did not follow", async () => {
    const ran = await create(12, 8, { ssh: "echo 'resize2fs: no' >&2; exit 1" });
    expect(ran.stderr).toContain("resize2fs: no\n");
    expect(lastLine(ran)).toMatch(/^cannot grow the file system of duetdev: /);
  });
});
