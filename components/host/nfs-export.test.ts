import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, localHost, localStep, scriptOf, settled } from "../../test/support/mocks.ts";
import { lastLine, type RunOptions, runStep, type Stubs, type Verb, without } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { NfsExport, type NfsExportArgs, nfsServer } from "./nfs-export.ts";
import { HostPackages } from "./packages.ts";

const share = {
  directory: "/media/data/duet",
  address: "192.168.150.1",
  clients: ["192.168.150.10", "fd00::11"],
};
const deployed = (args: Partial<NfsExportArgs> = {}, stateFolder = "/state/dev") =>
  deploy(() => new NfsExport("nfs-export", { host: localHost({ stateFolder }), ...share, ...args }), {
    "nfs-export": "192.168.150.1:/media/data/duet",
  });
const stepOf = async (args: Partial<NfsExportArgs>, stateFolder?: string) =>
  localStep(await deployed(args, stateFolder), "nfs-export");

describe("the server", () => {
  it("is nfs-ganesha in the embedded host and nfsd elsewhere, unless it is named", () => {
    expect(nfsServer("auto", true)).toBe("ganesha");
    expect(nfsServer("auto", false)).toBe("kernel");
    expect(nfsServer("ganesha", false)).toBe("ganesha");
  });

  it("waits for what is to be there first", async () => {
    const after = await deploy(() => {
      const host = localHost();
      const first = new HostPackages("host-packages", { host, packages: [] });
      return new NfsExport("nfs-export", { host, ...share }, { dependsOn: first });
    });
    expect(localStep(after, "nfs-export").dependsOn).toContain("command:local:Command host-packages");
  });

  it("hands on what a client mounts", async () => {
    expect((await settled((await deployed()).value.mountSource)).value).toBe("192.168.150.1:/media/data/duet");
  });
});

/** A host whose root has folders of its own in the place of those that the kernel's server writes to. */
describe.runIf(process.getuid?.() === 0)("the kernel's server", () => {
  let root: string;
  const inRoot = (...path: string[]) => join(root, ...path);
  const fstab = () => readFileSync(inRoot("etc/fstab"), "utf8");
  beforeEach(() => {
    root = temporaryFolder("nfsd-");
    for (const folder of ["etc", "root", "shared"]) {
      mkdirSync(inRoot(folder));
    }
    cpSync("/etc/alternatives", inRoot("etc/alternatives"), { recursive: true, verbatimSymlinks: true });
    writeFileSync(inRoot("etc/fstab"), "# the user's\n");
  });

  /**
   * An exportfs that lists what was exported by hand, one export a line, and exports and withdraws as it is told, which
   * it notes. It reads no file, and drops nothing else. Options are listed in its own order, with those that nobody named.
   */
  const stubs = (others = ""): Stubs => ({
    exportfs: `etab=/etc/etab
printf '%s\\n' "$*" >>/etc/asked
[ -e $etab ] || printf '%s' '${others}' >$etab
case $1 in
  -s) sed 's/(/(wdelay,/' $etab ;;
  -i) client=\${4%%:/*}; printf '%s  %s(%s)\\n' "/\${4#*:/}" "$(tr -d '[]' <<<"$client")" "$3" >>$etab.new
    grep -vF "/\${4#*:/}  $(tr -d '[]' <<<"$client")(" $etab >>$etab.new; mv $etab.new $etab ;;
  -u) client=\${2%%:/*}; grep -vF "/\${2#*:/}  $(tr -d '[]' <<<"$client")(" $etab >$etab.new; mv $etab.new $etab ;;
  *) exit 9 ;;
esac`,
    systemctl: ":",
  });
  /** What is exported, a line each. */
  const exported = () => readFileSync(inRoot("etc/etab"), "utf8").trim().split("\n").sort();
  /** Bash that runs its words in that root: nothing that they make outside of the test's folder is seen or stays. */
  const enterRoot = () => `set -eu
mount -t tmpfs tmpfs '${inRoot("root")}'
cd -- '${inRoot("root")}'
for folder in /bin /lib* /sbin /usr /proc /dev '${tmpdir()}'; do
  if [ -L "$folder" ]; then cp -P -- "$folder" .; else mkdir -p ".$folder"; mount --bind -- "$folder" ".$folder"; fi
done
mkdir etc
mount --bind -- '${inRoot("etc")}' etc
exec chroot . "$@"`;
  const run = async (verbs: Verb | readonly Verb[], options: RunOptions = {}, directory = inRoot("shared")) => {
    const { script } = scriptOf(await stepOf({ directory, server: "kernel" }));
    const enter = ["unshare", "--mount", "--propagation", "private", "bash", "-c", enterRoot(), "bash"];
    return runStep(script, verbs, { stubs: stubs(), enter, ...options });
  };

  it("serves single clients, with root squashed, and mounts the directory now and at boot", async () => {
    const ran = await run("create", {
      after: "cat /etc/exports.d/duet-dev.exports; mountpoint -q /export/duet-dev && echo mounted",
    });
    expect(ran.stderr).toBe("");
    const lines = ran.stdout.trim().split("\n");
    expect(lines[0]).toBe("192.168.150.1:/export/duet-dev");
    const options = /\(rw,async,no_subtree_check,root_squash,sec=sys,fsid=[0-9a-f-]{36},mountpoint\)$/;
    expect(lines[1]).toMatch(/^\/export\/duet-dev 192\.168\.150\.10\(/);
    expect(lines[2]).toMatch(/^\/export\/duet-dev fd00::11\(/);
    expect(lines.slice(1, 3).every((line) => options.test(line))).toBe(true);
    expect(lines[3]).toBe("mounted");
    expect(fstab()).toBe(
      `# duet: begin dev\n${inRoot("shared")} /export/duet-dev none bind,nofail 0 0\n# duet: end dev\n# the user's\n`,
    );
  });

  it("is mounted below the root of NFSv4, if a user has one above it, which is opened to its clients too", async () => {
    const own = /^\/export\/duet-dev {2}(?:192\.168\.150\.10|fd00::11)\(rw,.*root_squash/;
    for (const fsid of ["fsid=0", "fsid=root"]) {
      const theirs = `/export  192.168.0.0/16(rw,${fsid},insecure)`;
      writeFileSync(inRoot("etc/etab"), `${theirs}\n`);
      expect((await run("create")).stdout).toBe("192.168.150.1:/duet-dev\n");
      const [root, ...rest] = exported().filter((line) => line !== theirs);
      expect(root).toMatch(/^\/export {2}192\.168\.150\.10\(ro,fsid=0,.*all_squash/);
      expect(rest.filter((line) => own.test(line))).toHaveLength(2);
      await run("delete");
      expect(exported()).toEqual([theirs]);
    }
    const source = async (others: string) => (await run("create", { stubs: stubs(others) })).stdout;
    rmSync(inRoot("etc/etab"));
    expect(await source("/export  192.168.0.0/16(rw,fsid=01)\n")).toBe("192.168.150.1:/export/duet-dev\n");
  });

  it("is refused if NFSv4 begins where it cannot be", async () => {
    const ran = await run("create", { stubs: stubs("/srv/nfs4  192.168.0.0/16(rw,fsid=0)\n") });
    expect(lastLine(ran)).toMatch(/^cannot serve .*begin at \/srv\/nfs4 .*nfsServer: ganesha/);
    expect(fstab()).toBe("# the user's\n");
  });

  it("leaves alone what others have exported by hand, and withdraws what is no client's any more", async () => {
    const theirs = "/srv/theirs  10.0.0.7(rw,sync)";
    writeFileSync(inRoot("etc/etab"), `${theirs}\n/export/duet-dev  192.168.150.99(rw)\n`);
    await run("create");
    expect(exported()).toHaveLength(3);
    expect(exported().join()).not.toContain("192.168.150.99");
    await run("delete");
    expect(exported()).toEqual([theirs]);
  });

  it("withdraws nothing of what stays, so that a guest that works there loses nothing", async () => {
    const asked = () => readFileSync(inRoot("etc/asked"), "utf8");
    await run(["create", "create"]);
    expect(asked()).toMatch(/^-i -o \S+ 192\.168\.150\.10:\/export\/duet-dev$/m);
    expect(asked()).not.toMatch(/^-u/m);
  });

  it("finds the root of NFSv4 among any number of exports", async () => {
    const many = Array.from({ length: 2000 }, (_, index) => `/srv/${index}  10.0.0.7(rw,sync,wdelay,hide)\n`);
    const { code, stdout } = await run("create", { stubs: stubs(`/export  10.0.0.7(rw,fsid=0)\n${many.join("")}`) });
    expect([code, stdout]).toEqual([0, "192.168.150.1:/duet-dev\n"]);
  });

  it("serves a disk only while it is mounted, and asks nothing like it of a folder of the root's", async () => {
    const options = async (directory: string) =>
      (await run("create", { before: "mkdir /folder", after: "cat /etc/exports.d/*" }, directory)).stdout;
    expect(await options(inRoot("shared"))).toMatch(/,mountpoint\)$/m);
    expect(await options("/folder")).toMatch(/fsid=[0-9a-f-]{36}\)$/m);
  });

  it("is refused while the disk of the sources is not mounted, though a folder is there", async () => {
    writeFileSync(inRoot("etc/fstab"), `LABEL=data ${inRoot("shared")} ext4 nofail 0 2\n`);
    const ran = await run("create");
    expect(lastLine(ran)).toBe(
      `cannot serve ${inRoot("shared")}: nothing is mounted on ${inRoot("shared")}, where /etc/fstab has a disk;` +
        " mount it and run this again",
    );
    expect((await run("create", { before: `mount -t tmpfs tmpfs '${inRoot("shared")}'` })).code).toBe(0);
  });

  it("may be made again, and serves another directory if it is to", async () => {
    mkdirSync(inRoot("other"));
    writeFileSync(inRoot("other/it"), "");
    const before = `mkdir -p /export/duet-dev; mount --bind '${inRoot("shared")}' /export/duet-dev`;
    const after = "ls /export/duet-dev; grep -c ' /export/duet-dev ' /proc/self/mountinfo";
    const ran = await run(["create", "create"], { before, after }, inRoot("other"));
    const [source, again, ...seen] = ran.stdout.trim().split("\n");
    expect([ran.code, source, seen]).toEqual([0, again, ["it", "1"]]);
    expect(fstab().match(/ \/export\/duet-dev none bind,/g)).toHaveLength(1);
  });

  it("gives back all of it, and may do so twice, and leaves the user's", async () => {
    writeFileSync(inRoot("shared/source"), "");
    const ran = await run(["create", "delete", "delete"], { after: "ls -d /export /etc/exports.d 2>&1 || true" });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain("'/export': No such file");
    expect(ran.stdout).toContain("'/etc/exports.d': No such file");
    expect(fstab()).toBe("# the user's\n");
    expect(existsSync(inRoot("shared/source"))).toBe(true);
  });

  it("leaves folders that were there, and what others serve in those that it has made", async () => {
    const before = "mkdir -p /etc/exports.d";
    const theirs = await run(["create", "delete"], { before, after: "ls -A /etc/exports.d; ls -d /export || true" });
    expect([theirs.code, theirs.stdout]).toEqual([0, "192.168.150.1:/export/duet-dev\n"]);
    const others = "mkdir -p /export/theirs; : >/export/.duet";
    const ran = await run(["create", "delete"], { before: others, after: "ls /export" });
    expect([ran.code, ran.stdout]).toEqual([0, "192.168.150.1:/export/duet-dev\ntheirs\n"]);
  });

  it("states its facts, which drift with each of them", async () => {
    const ran = await run(["create", "facts"]);
    expect(ran.stdout).toMatch(/^exported directory: (?:id|UUID) [0-9a-f-]+, \S+\/shared, inode \d+$/m);
    expect(ran.stdout).toMatch(/^bind mount: mounted$/m);
    expect(ran.stdout).toMatch(/^exports: \S+/m);
    expect(ran.stdout).toMatch(/^exports file: [0-9a-f]{16}$/m);
    expect(ran.stdout).toMatch(/^lines in \/etc\/fstab: \S+/m);
    expect(ran.stdout).toMatch(/^root of NFSv4: $/m);
    expect((await run("facts")).stdout).toMatch(/^bind mount: none$/m);
    writeFileSync(inRoot("etc/etab"), "/export  10.0.0.7(rw,fsid=0)\n");
    expect((await run("facts")).stdout).toMatch(/^root of NFSv4: \/export$/m);
  });

  it("says what is missing", async () => {
    expect(lastLine(await run("create", {}, inRoot("nowhere")))).toMatch(/^cannot serve \S+\/nowhere: /);
    expect(lastLine(await run("create", { before: without("exportfs") }))).toMatch(
      /^cannot serve .*exportfs is not installed/,
    );
  });
});
