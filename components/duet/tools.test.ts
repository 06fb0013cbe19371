import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, given, localGuest, localHost, printedOf } from "../../test/support/mocks.ts";
import { lastLine, runStep, type Stubs, type Verb } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";
import { SourceTree } from "../sources/source-tree.ts";
import { DuetTools } from "./tools.ts";

const samples = join(import.meta.dirname, "../../samples");
/** Runs as the user who runs the test. */
const here: Stubs = { setpriv: `while [ "$1" != env ]; do shift; done; exec "$@"` };
let root: string;
let directory: string;
const programs = () => join(directory, "duet-progs");
const tasks = () => join(directory, "dummy_task");
const build = (verbs: Verb | readonly Verb[]) => {
  const values = {
    ...{ tree: directory, programs: programs(), tasks: tasks(), uid: 1000, gid: 1000 },
    ...{ sources: "s1", made_note: join(root, "made") },
  };
  return runStep(scriptText(import.meta.url, "tools-build.sh", values), verbs, { stubs: here });
};

beforeEach(() => {
  root = temporaryFolder("tools-");
  directory = join(root, "duet-tools");
  cpSync(join(samples, "tools"), directory, { recursive: true });
});

describe("the samples", () => {
  it("agree on what goes through the device", () => {
    const [module, tools] = ["module", "tools/duet-progs/include/duet"].map((folder) =>
      readFileSync(join(samples, folder, "duet_ioctl.h"), "utf8"),
    );
    expect(tools).toBe(module);
  });
});

describe("building the tools", () => {
  it("builds the samples without a warning, and knows the build by its checksum", async () => {
    const ran = await build("create");
    expect(ran.stdout).toMatch(/^tools: [0-9a-f]{16}\n$/);
    expect(ran.stderr).not.toContain("warning");
    const facts = await build("facts");
    expect(facts.stdout.replace("built", "tools")).toBe(ran.stdout);
    rmSync(join(directory, "duet-progs/libduet.so.1"));
    expect((await build("facts")).stdout).not.toBe(facts.stdout);
  });

  it("makes in each of ten runs from clean what races under -j: a header that no rule mentions", async () => {
    rmSync(directory, { recursive: true });
    // Of Duet's shape, with nothing to compile that takes long.
    cpSync(join(import.meta.dirname, "../../test/field/repositories/tools"), directory, { recursive: true });
    const version = '#include "version.h"\nconst char *version = DUET_BUILD_VERSION;\nint main(void) { return 0; }\n';
    writeFileSync(join(programs(), "duet.c"), version);
    writeFileSync(join(programs(), "libduet.c"), "int libduet;\n");
    writeFileSync(join(tasks(), "dummy.c"), "int main(void) { return 0; }\n");
    const clean = () => execFileSync("make", ["-s", "-C", programs(), "clean"]);
    const races = () => {
      const { status } = spawnSync("make", ["-s", "-j4", "-C", programs()], { stdio: "ignore" });
      clean();
      return status !== 0;
    };
    expect(Array.from({ length: 10 }).some(races)).toBe(true);
    for (let run = 1; run <= 10; run += 1) {
      const { code } = await build("create");
      expect([run, code, existsSync(join(programs(), "version.h"))]).toEqual([run, 0, true]);
      clean();
    }
  });

  it("says that there is no Makefile", async () => {
    rmSync(join(directory, "duet-progs/Makefile"));
    expect(lastLine(await build("create"))).toContain(`there is no Makefile in ${programs()}`);
  });
});

const installScript = () =>
  scriptText(import.meta.url, "tools-install.sh", {
    ...{ programs: programs(), tasks: tasks() },
    ...{ uid: 1000, gid: 1000, built: "sum" },
  });

/** With a /usr/local and a linker's cache of its own, in a mount namespace. Only root may mount. */
const inGuest = (
  verbs: Verb | readonly Verb[],
  before = ":",
  after = ":",
  stubs: Stubs = here,
  script = installScript(),
) =>
  runStep(script, verbs, {
    stubs,
    enter: ["unshare", "--mount"],
    before: `mkdir "$STUBS/etc"; cp -r /etc/ld.so.conf /etc/ld.so.conf.d "$STUBS/etc"
mount -t tmpfs tmpfs /usr/local; mount --bind "$STUBS/etc" /etc
${before}`,
    after,
  });
/** The real command asks the real module, which is not here. */
const timeout = 'case "$*" in *"status report") exit 0;; *) shift; exec "$@";; esac';

describe.runIf(process.getuid?.() === 0)("installing the tools", () => {
  beforeEach(() => build("create"));

  it("installs under /usr/local, and the linker finds the library", async () => {
    const ran = await inGuest(["create", "facts"], ":", ":", { ...here, timeout });
    expect(ran.stdout).toMatch(/^\/usr\/local\/bin\/dummy_task: [0-9a-f]{16}$/m);
    expect(ran.stdout).toMatch(/^\/usr\/local\/include\/duet\/duet_ioctl\.h: [0-9a-f]{16}$/m);
    expect(ran.stdout).toMatch(/^linker finds libduet\.so\.1: \/usr\/local\/lib\/libduet\.so\.1$/m);
  });

  it("installs from a tree that only the developer may read: root is nobody there", async () => {
    execFileSync("chown", ["-R", "1000:1000", directory]);
    execFileSync("chmod", ["-R", "o-rwx", directory]);
    // Root of this machine could read it, and is kept from that.
    const script = installScript().replace("! -type l ! -readable", "-name Makefile");
    const left = "find /usr/local -type f ! -uid 0; stat -c %a /usr/local/bin/duet";
    const ran = await inGuest("create", ":", left, { timeout }, script);
    expect([ran.code, ran.stdout.trim()]).toEqual([0, "755"]);
  });

  it("installs wherever the Makefile says, by way of a folder or, if it knows none, as root", async () => {
    const makefile = join(programs(), "Makefile");
    const text = readFileSync(makefile, "utf8");
    writeFileSync(makefile, text.replace("PREFIX ?= /usr/local", "PREFIX ?= /opt/duet").replaceAll("$(DESTDIR)", ""));
    execFileSync("chown", ["-R", "1000:1000", directory]);
    const linker = "mount -t tmpfs -o mode=755 tmpfs /opt; echo /opt/duet/lib >/etc/ld.so.conf.d/duet.conf";
    const left = "find /opt -mindepth 1";
    const stands = await inGuest(["create", "facts"], linker, left, { timeout });
    expect(stands.stdout).toMatch(/^\/opt\/duet\/bin\/duet: [0-9a-f]{16}$/m);
    expect(stands.stdout).toMatch(/^\/opt\/duet\/include\/duet$/m);
    const gone = await inGuest(["create", "delete"], linker, left, { timeout });
    expect([gone.code, gone.stdout.trim()]).toEqual([0, ""]);
    const unknown = await inGuest("create", "mount -t tmpfs -o mode=755 tmpfs /opt", ":", { timeout });
    expect(lastLine(unknown)).toMatch(/^cannot use libduet.*\/opt\/duet\/lib in \/etc\/ld\.so\.conf\.d$/);
  });

  /** The dummy task as Duet's own repository has it: a program `dummy`, by a Makefile which installs nothing. */
  const moveTask = (rest = "") => {
    mkdirSync(tasks());
    writeFileSync(join(tasks(), "helper"), "#!/bin/sh\n", { mode: 0o755 });
    cpSync(join(programs(), "dummy_task.c"), join(tasks(), "dummy.c"));
    const rule = "dummy: dummy.c\n\t$(CC) -I../duet-progs/include -o $@ $< -L../duet-progs -lduet\n";
    writeFileSync(join(tasks(), "Makefile"), rule + rest);
    const makefile = join(programs(), "Makefile");
    writeFileSync(makefile, readFileSync(makefile, "utf8").replace("duet dummy_task", "duet"));
    rmSync(join(programs(), "dummy_task.c"));
    execFileSync("make", ["-C", programs(), "clean"]);
    execFileSync("chown", ["-R", "1000:1000", directory]);
  };

  it("installs the dummy task that is a folder of its own, and takes it back", async () => {
    moveTask();
    const built = await build(["create", "facts"]);
    const left = "ls /usr/local/bin; /usr/local/bin/dummy --help 2>&1 | head -n 1; ls -ld /usr/local/bin/dummy";
    const ran = await inGuest("create", ":", left, { timeout });
    expect(ran.stdout).toMatch(/\nduet\ndummy\nUsage: .*\n-rwxr-xr-x 1 0 0 /);
    rmSync(join(tasks(), "dummy"));
    expect((await build("facts")).stdout).not.toBe(built.stdout.split("\n")[1]);
    await build("create");
    const gone = await inGuest(["create", "delete"], ":", "find /usr/local -type f", { timeout });
    expect([gone.code, gone.stdout.trim()]).toEqual([0, ""]);
  });

  it("installs it as its own Makefile says, if that knows how", async () => {
    moveTask("install: dummy\n\tinstall -D dummy $(DESTDIR)/usr/local/sbin/dummy\n");
    await build("create");
    const ran = await inGuest("create", ":", "ls /usr/local/sbin /usr/local/bin", { timeout });
    expect(ran.stdout).toMatch(/\/sbin:\ndummy\n/);
    expect(ran.stdout).toMatch(/\/bin:\nduet\n/);
  });

  it("says that the Makefile has no target install, or what make says against it", async () => {
    const makefile = join(programs(), "Makefile");
    const text = readFileSync(makefile, "utf8");
    writeFileSync(makefile, text.replaceAll(/\binstall\b/g, "deploy"));
    expect(lastLine(await inGuest("create"))).toMatch(/^cannot install the tools: .*duet-progs has no target install/);
    writeFileSync(
      makefile,
      text.replace("\ninstall: all", "\ninstall: all\n\t@echo 'error: a lathe is needed'; exit 1"),
    );
    expect(lastLine(await inGuest("create"))).toMatch(/as the developer: error: a lathe.*as root: error: a lathe/);
  });

  it("removes what an earlier Makefile has installed, and this one does not", async () => {
    const makefile = join(programs(), "Makefile");
    const once = "PROGS := duet $(shell [ -e /usr/local/bin/dummy_task ] || echo dummy_task)";
    writeFileSync(makefile, readFileSync(makefile, "utf8").replace("PROGS := duet dummy_task", once));
    const left = "ls /usr/local/bin";
    const first = await inGuest("create", ":", left, { ...here, timeout });
    expect(first.stdout).toMatch(/\nduet\ndummy_task\n$/);
    const ran = await inGuest(["create", "create"], ":", left, { ...here, timeout });
    expect(ran.stdout.trim().split("\n").slice(-1)).toEqual(["duet"]);
    expect(ran.stdout).not.toContain("dummy_task");
  });

  it("does not change the rights of a folder that is there, not for a moment", async () => {
    const [stamp, folders] = [
      "stat -c '%n %z' /usr/local",
      "mkdir -p /usr/local/bin /usr/local/lib /usr/local/include",
    ];
    const ran = await inGuest("create", `${folders}; ${stamp}; sleep 0.1`, stamp, { ...here, timeout });
    const [before, ...after] = ran.stdout.trim().split("\n");
    expect(after.at(-1)).toBe(before);
  });

  it("says that the command does not reach the module", async () => {
    const ran = await inGuest("create");
    expect(lastLine(ran)).toMatch(/^cannot reach the module: .*\/dev\/duet: not there/);
    expect(ran.code).toBe(1);
  });

  it("removes all of it, twice, and nothing else", async () => {
    const ran = await inGuest(
      ["create", "delete", "delete"],
      "mkdir -p /usr/local/lib; echo mine >/usr/local/lib/mine",
      "find /usr/local -type f -o -type l; ldconfig -p | grep libduet || :",
      { ...here, timeout },
    );
    expect(ran.code).toBe(0);
    expect(ran.stdout.trim()).toBe("/usr/local/lib/mine");
  });
});

describe("DuetTools", () => {
  it("builds once, in the first guest, and installs that build in each", async () => {
    const { made, resource } = await deploy(
      () => {
        const host = localHost();
        const source = new SourceTree("tools-source", { host, role: "duet-tools", source: { copy: "/c" }, directory });
        const tools = new DuetTools("tools", { source });
        for (const guest of [localGuest("one"), localGuest("two", {}, "two-")]) {
          tools.installIn(guest, { dependsOn: guest });
        }
      },
      {
        ...printedOf("one"),
        ...printedOf("two"),
        "two-network-subnet": "152",
        "tools-source": "commit: c\nhash: h",
        "tools-build": "tools: 123",
      },
    );
    const steps = made.flatMap(({ type, name }) => (type === "command:remote:Command" ? [name] : []));
    expect(steps).toEqual(["tools-build", "tools-one", "tools-two"]);
    const two = resource("command:remote:Command", "tools-two");
    expect(given(two, "built")).toBe("123");
    expect(two.dependsOn).toContain("command:remote:Command tools-build");
    expect(two.dependsOn).toContain("libvirt:index/domain:Domain two");
    expect(two.dependsOn).not.toContain("libvirt:index/domain:Domain one");
  });
});
