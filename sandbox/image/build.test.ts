import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { scriptText } from "../../components/machine/script.ts";
import { runBash } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { guestImagePath } from "./build.ts";
import { overlayFiles, writeOverlay } from "./overlay.ts";
import { debianRecipe, debianWith } from "./recipe.ts";

const base = import.meta.url;

describe("the guest image's place in the cache", () => {
  it("follows from its recipe", () => {
    const place = (recipe = debianRecipe) => guestImagePath("/c", recipe);
    expect(place({ ...debianRecipe, size: 1 })).toMatch(/^\/c\/duet\/image\/[0-9a-f]{16}\/debian-12\.qcow2$/);
    const other = ["size", "diskId", "commandLine", "suite"].map((key) => place({ ...debianRecipe, [key]: "1" }));
    const lists = ["packages", "kept", "masked", "enabled"].map((key) => place({ ...debianRecipe, [key]: ["a"] }));
    expect(new Set([place(), ...other, ...lists]).size).toBe(9);
  });

  it("is another one with more packages, and the same with none", () => {
    const place = (...packages: readonly string[]) => guestImagePath("/c", debianWith(packages));
    expect([place(), place("gcc")]).toEqual([guestImagePath("/c"), guestImagePath("/c")]);
    expect(new Set([place(), place("acl"), place("acl", "xfsprogs")]).size).toBe(3);
  });

  it("is the one that it had when its recipe was TypeScript, and stacks that stand have in their state", () => {
    // If this fails since the image is another one, remove the entry of `sameImage` and this test. If the image is the
    // same, what is received has the key of the new entry.
    expect(guestImagePath("/c")).toBe("/c/duet/image/5f918b77920933c5/debian-12.qcow2");
  });
});

describe("the overlay", () => {
  const files = overlayFiles("quiet x=1");

  it("mirrors the image, where programs are executable and nothing else is", () => {
    const folders = ["boot", "etc", "usr/local/lib/duet"];
    expect(files.filter(({ path }) => !folders.some((folder) => path.startsWith(`${folder}/`)))).toEqual([]);
    for (const { mode, text } of files) {
      expect(mode).toBe(text.startsWith("#!") ? 0o755 : 0o644);
    }
  });

  it("has the recipe's command line in the place of its name", () => {
    const grub = files.filter(({ text }) => text.includes("quiet x=1")).map(({ path }) => path);
    expect(grub).toEqual(["boot/grub/grub.cfg", "etc/default/grub"]);
    expect(files.filter(({ text }) => text.includes("@commandLine@"))).toEqual([]);
  });

  it("is written as it is, also the file that is empty", () => {
    const target = temporaryFolder("duet-overlay-");
    writeOverlay(files, target);
    for (const { path, mode, text } of files) {
      expect(readFileSync(join(target, path), "utf8")).toBe(text);
      expect(statSync(join(target, path)).mode & 0o100).toBe(mode & 0o100);
    }
    expect(readFileSync(join(target, "etc/machine-id"), "utf8")).toBe("");
  });
});

describe("the scripts", () => {
  const folder = () => temporaryFolder("it's an image-");

  it("have mmdebstrap make the tree of the packages, with the overlay over it and finished from inside", async () => {
    const cwd = folder();
    writeOverlay(overlayFiles("quiet"), join(cwd, "overlay"));
    mkdirSync(join(cwd, "root"));
    // A hook is a piece of shell, which is given the tree.
    const stubs = {
      mmdebstrap: `for word; do case $word in
          --*-hook=*) sh -ec "\${word#*=}" hook root >&2 ;;
          *) printf '%s\\n' "$word" ;;
        esac; done`,
      chroot: `echo "in $1: \${*:2}" >>"$1/ran"; [ -e "$1/finish.sh" ]`,
    };
    const values = { suite: "bookworm", packages: ["gcc", "make"], mirror: undefined };
    const text = `umask 077; touch finish.sh; ${scriptText(base, "tree.sh", values)}`;
    const ran = await runBash(text, { cwd, stubs });
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const words = ran.stdout.trimEnd().split("\n");
    expect(words).toContain("--include=gcc,make");
    expect(words).toContain("--dpkgopt=path-exclude=/usr/share/man/*");
    expect(words.slice(-2)).toEqual(["bookworm", "root"]);
    expect(readFileSync(join(cwd, "root/ran"), "utf8")).toBe("in root: bash /finish.sh\n");
    expect(existsSync(join(cwd, "root/finish.sh"))).toBe(false);
    const modeOf = (path: string) => (statSync(join(cwd, "root", path)).mode & 0o777).toString(8);
    expect(["usr/local/lib/duet", "usr/local/lib/duet/grow-root", "etc/fstab"].map(modeOf)).toEqual([
      "755",
      "755",
      "644",
    ]);
    const mirrored = scriptText(base, "tree.sh", { ...values, mirror: "http://mirror/debian" });
    expect((await runBash(mirrored, { cwd, stubs })).stdout).toMatch(/\nbookworm\nroot\nhttp:\/\/mirror\/debian\n$/);
  });

  // mke2fs 1.46, of Ubuntu 22.04, refuses what it does not know.
  const older = `case " $* " in *" -V "*) echo 'mke2fs 1.46.5 (30-Dec-2021)' >&2; exit ;;
  *orphan_file*|*prezeroed*) echo 'Invalid option' >&2; exit 1 ;;
  esac; exec /sbin/mke2fs "$@"`;

  it.each([
    ["this mke2fs", {}],
    ["an older one", { mke2fs: older }],
  ])("make a disk that boots by GRUB, with the tree in its one partition, by %s", async (_, own) => {
    const cwd = folder();
    mkdirSync(join(cwd, "root/etc"), { recursive: true });
    const text = `echo here >root/etc/hostname; ${scriptText(base, "disk.sh", { size: 64, disk_id: "64756574" })}`;
    // That of GRUB: the packages which build an image may not be there.
    const stubs = {
      "grub-mkimage": "printf core >core.img",
      dd: `case " $* " in *boot.img*) ;; *) exec /bin/dd "$@" ;; esac`,
      ...own,
    };
    const ran = await runBash(text, { cwd, stubs });
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const after = `sfdisk --json disk.raw; dd if=disk.raw bs=1M skip=1 of=root.ext4 status=none; debugfs -R 'cat /etc/hostname' root.ext4`;
    const { stdout } = await runBash(after, { cwd });
    const end = stdout.lastIndexOf("}") + 1;
    const { partitiontable } = JSON.parse(stdout.slice(0, end));
    expect(partitiontable).toMatchObject({ label: "dos", id: "0x64756574" });
    expect(partitiontable.partitions).toMatchObject([{ start: 2048, size: 63 * 2048, type: "83", bootable: true }]);
    expect(stdout.slice(end).trim()).toBe("here");
    expect(readFileSync(join(cwd, "disk.raw")).subarray(512, 516).toString()).toBe("core");
  });

  it("refuse a GRUB that would reach into the partition", async () => {
    const text = scriptText(base, "disk.sh", { size: 64, disk_id: "64756574" });
    const cwd = folder();
    mkdirSync(join(cwd, "root"));
    const ran = await runBash(text, { cwd, stubs: { "grub-mkimage": "truncate -s 1M core.img" } });
    expect(ran.code).not.toBe(0);
  });

  it("pack the disk, and print its checksum", async () => {
    const cwd = folder();
    const stubs = { "qemu-img": `cp "\${@: -2:1}" "\${@: -1}"` };
    const ran = await runBash(`printf disk >disk.raw; ${scriptText(base, "pack.sh", {})}`, { cwd, stubs });
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    expect(ran.stdout).toMatch(/^[0-9a-f]{64} {2}debian-12\.qcow2\n$/);
    expect(readdirSync(cwd)).toContain("debian-12.qcow2");
  });
});
