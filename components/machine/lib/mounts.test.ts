import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { type RunOptions, runLibrary } from "../../../test/support/run-script.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { scriptText } from "../script-text.ts";
import { sh } from "../shell.ts";

let root: string;
beforeEach(() => {
  root = temporaryFolder("it's mounted-");
});

const call = async (line: string, options: RunOptions = {}) =>
  (await runLibrary(scriptText(import.meta.url, "mounts.sh", {}), line, options)).stdout.trim();

describe.runIf(process.getuid?.() === 0)("a file system", () => {
  const enter = ["unshare", "--mount"];

  it("is found by a path that is not there yet, and of those at one place it is the last", async () => {
    const before = sh`mkdir -p ${join(root, "a b")}; mount -t tmpfs one ${join(root, "a b")}`.shell;
    const missing = join(root, "a b/c d/e");
    expect(await call(sh`mount_point_of ${missing}`.shell, { enter, before })).toBe(join(root, "a b"));
    const twice = `${before}; ${sh`mount -t tmpfs two ${join(root, "a b")}`.shell}`;
    expect(await call(sh`mount_of ${missing} SOURCE`.shell, { enter, before: twice })).toBe("two");
    expect(await call(sh`mounts_below ${root}`.shell, { enter, before })).toBe(join(root, "a b"));
    expect(await call(sh`mounts_below ${join(root, "a b")}`.shell, { enter, before })).toBe("");
  });

  it("is below another one by its path, and not below itself", async () => {
    const below = (path: string, folder: string) => call(sh`is_below ${path} ${folder} && echo yes || echo no`.shell);
    expect([await below("/a/b", "/"), await below("/a/b/c", "/a/b")]).toEqual(["yes", "yes"]);
    expect([await below("/a", "/a"), await below("/ab", "/a"), await below("/", "/")]).toEqual(["no", "no", "no"]);
  });

  it("is known by its UUID, and by what of it is mounted, however its device is called and numbered", async () => {
    /** What is said at a boot at which the disk of that UUID is this device. */
    const known = (device: string, number: number, type = "xfs") => {
      const node = sh`mknod /dev/${device} b 7 ${number}; ln -s ../../${device} /dev/disk/by-uuid/12-ab`.shell;
      const before = `mount -t tmpfs tmpfs /dev; ln -s /proc/self/fd /dev/fd; mknod -m 666 /dev/null c 1 3
mkdir -p /dev/disk/by-uuid; ${node}`;
      const stubs = { findmnt: `echo '/dev/${device}[/data] ${type} /data'` };
      return call(sh`file_system_of ${root}`.shell, { enter, before, stubs });
    };
    expect(await known("dm-0", 101)).toBe("UUID 12-ab, /data");
    expect(await known("dm-3", 103)).toBe("UUID 12-ab, /data");
    // Its several devices have one UUID.
    expect(await known("sda", 101, "btrfs")).toMatch(/^id [0-9a-f]+, \/data$/);
  });

  it("without a UUID that everybody may read is known by what the kernel says, to root and to others alike", async () => {
    const asked = sh`file_system_of ${root}`.shell;
    const own = await call(asked);
    expect(own).toMatch(/^(?:id|UUID) [0-9a-f-]+, \//);
    expect(await call(asked, { enter: ["setpriv", "--reuid", "54321", "--clear-groups"] })).toBe(own);
  });
});

it("a disk is told that fstab has at a folder, or above it, and that is not mounted", async () => {
  const root = temporaryFolder("unmounted-");
  const [fstab, folder] = [join(root, "fstab"), join(root, "a/b/c")];
  mkdirSync(folder, { recursive: true });
  const told = async (lines: string, asked = folder, file = fstab) => {
    writeFileSync(fstab, `${lines}\n`);
    const ran = await runLibrary(scriptText(import.meta.url, "mounts.sh", {}), sh`unmounted ${asked} ${file}`.shell);
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    return ran.stdout.trimEnd();
  };
  expect(await told(`LABEL=x ${root}/a ext4 nofail 0 2`)).toBe(`${root}/a`);
  expect(await told(`LABEL=x\t${root}/a/\text4\tnofail`)).toBe(`${root}/a`);
  expect(await told(`x ${root}/a ext4\ny ${folder} ext4`)).toBe(folder);
  expect(await told(`# LABEL=x ${root}/a ext4\nx ${root}/a/bb ext4\nx ${folder}/d ext4\nx none swap\nx / ext4`)).toBe(
    "",
  );
  expect(await told("proc /proc proc", "/proc/self/task")).toBe("");
  expect(await told("", folder, join(root, "none"))).toBe("");
});
