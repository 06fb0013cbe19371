import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, given, localGuest, localHost, localStep, printedOf } from "../../test/support/mocks.ts";
import { lastLine, runStep, type Stubs, type Verb, writeProgram } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script-text.ts";
import { SourceTree } from "../sources/source-tree.ts";
import { KernelBuild } from "./build.ts";
import { KernelConfig } from "./config.ts";
import { Perf, type PerfSource } from "./perf.ts";

const isRoot = process.getuid?.() === 0;
const developer = { uid: 54321, gid: 54322 };

let root: string;
beforeEach(() => {
  root = temporaryFolder("perf-");
});

/** perf's Makefile in small: it makes the program from a source beside it, and notes with which words. */
const makefile = `%/perf: FORCE
	@mkdir -p "$(O)"; printf '%s\\n' "$(CC) $(LDFLAGS) $(NO_LIBPERL) $$(id -u)" >>"$(O)/words"
	@$(CC) $(LDFLAGS) -o "$@" perf.c
FORCE:
`;
/** @param found whether it has found libdw */
const perf = (found: string) =>
  `#include <stdio.h>\nint main(void) { puts("perf version 6.1\\n                 dwarf: [ ${found} ]"); return 0; }\n`;

describe.runIf(isRoot)("building perf", () => {
  const [tree, build] = [() => join(root, "tree"), () => join(root, "build")];
  const program = () => join(build(), "tools/perf/perf");
  const run = (verbs: Verb | readonly Verb[], commit = "abc") =>
    runStep(
      scriptText(import.meta.url, "perf-build.sh", {
        ...{ ...developer, directory: root, what: "kernel-build", stack: "dev", build_root: "", compiler: "gcc" },
        ...{ tree: tree(), build: build(), ccache: join(root, "cc"), commit, sources: "h1" },
      }),
      verbs,
    );
  const made = () => readFileSync(join(build(), "tools/perf/words"), "utf8").trimEnd().split("\n");
  const edit = (file: string) => writeFileSync(join(tree(), file), `# ${Date.now()}\n`);
  beforeEach(() => {
    for (const folder of ["perf", "lib", "include", "arch", "build", "scripts"]) {
      mkdirSync(join(tree(), "tools", folder), { recursive: true });
    }
    mkdirSync(join(tree(), "mm"));
    mkdirSync(build());
    for (const name of ["Makefile", "Makefile.perf"]) {
      writeFileSync(join(tree(), "tools/perf", name), makefile);
    }
    writeFileSync(join(tree(), "tools/perf/perf.c"), perf("on "));
    execFileSync("chown", ["-R", "54321:54322", root]);
  });

  it("makes one program without libraries, as the developer, and hands on what tells it from others", async () => {
    const ran = await run(["create", "facts"]);
    expect(ran.code).toBe(0);
    expect(made()).toEqual([`ccache gcc -static -L${build()}/tools/perf/static 1 54321`]);
    expect(ran.stdout).toMatch(/^perf: [0-9a-f]{16}\n.*\/tools\/perf\/perf: \d+ bytes\n$/);
    expect(spawnSync("nm", [program()], { encoding: "utf8" }).stderr).toContain("no symbols");
  });

  it("names what static libraries need, by a linker script that is found before them", async () => {
    await run("create");
    const script = (name: string) => readFileSync(join(build(), "tools/perf/static", name), "utf8");
    expect(script("libebl.a")).toMatch(/^GROUP \( .*-lz -llzma -lbz2 .*\)\n$/);
    expect(script("libslang.a")).toMatch(/^GROUP \( .*-lm -ldl \)\n$/);
  });

  it("does not call make for an edit of the kernel, and does for one of the tools, and for another commit", async () => {
    await run("create");
    edit("mm/slub.c");
    await run("create");
    expect(made()).toHaveLength(1);
    edit("tools/lib/string.c");
    await run("create");
    expect(made()).toHaveLength(2);
    await run("create", "def");
    expect(made()).toHaveLength(3);
  });

  it("says that it has found no libdw, makes it again then, and that a kernel has no perf", async () => {
    writeFileSync(join(tree(), "tools/perf/perf.c"), perf("OFF"));
    expect(lastLine(await run("create"))).toMatch(/^cannot build perf: it found no static libdw, .*perf: package/);
    writeFileSync(join(tree(), "tools/perf/perf.c"), perf("on "));
    expect((await run("create")).code).toBe(0);
    rmSync(join(tree(), "tools/perf/Makefile.perf"));
    expect(lastLine(await run("create"))).toMatch(/^cannot build perf: there is none in /);
  });

  it("says the first error of what does not compile", async () => {
    const error = "builtin-top.c:7:1: error: no";
    writeFileSync(join(tree(), "tools/perf/Makefile"), `%:\n\t@echo '${error}'; echo later; exit 1\n`);
    expect(lastLine(await run("create"))).toMatch(/^cannot build perf: \d+:builtin-top\.c:7:1: error: no; make ended/);
  });
});

/** Runs as the user who runs the test. */
const here: Stubs = { setpriv: `while [ "$1" != env ]; do shift; done; exec "$@"` };

/** In a mount namespace with a /usr/local, an /etc and settings of its own. */
describe.runIf(isRoot)("installing perf", () => {
  interface Options {
    readonly source?: PerfSource;
    readonly before?: string;
    readonly after?: string;
    readonly stubs?: Stubs;
  }
  const install = (verbs: Verb | readonly Verb[], options: Options = {}) => {
    const { source = "source", before = ":", after = ":", stubs = {} } = options;
    const values = {
      ...{
        ...developer,
        release: "6.1.7+duet-abc",
        build: join(root, "build"),
        module: "duet-odd",
        fetch_namespace: undefined,
      },
      ...{ program: source === "source" ? join(root, "perf") : "", built: "b1" },
    };
    const script = scriptText(import.meta.url, "perf-install.sh", values)
      .replace("debug=/usr/lib/debug", `debug='${root}/debug'`)
      .replace("/usr/bin/perf /usr/bin/perf_[0-9]*", `'${root}'/distribution/*`);
    return runStep(script, verbs, {
      stubs: { ...here, ...stubs },
      enter: ["unshare", "--mount"],
      records: join(root, "records"),
      before: `mkdir -p "$STUBS/etc/sysctl.d"; mount --bind "$STUBS/etc" /etc
mount -t tmpfs tmpfs /usr/local; mkdir -p /usr/local/bin
for name in perf_event_paranoid kptr_restrict; do
  echo 2 >"$STUBS/$name"; mount --bind "$STUBS/$name" "/proc/sys/kernel/$name"
done
${before}`,
      after: `${after}\ncat /proc/sys/kernel/{perf_event_paranoid,kptr_restrict}`,
    });
  };
  beforeEach(() => {
    writeProgram(join(root, "perf"), "echo perf version 6.1.7");
    mkdirSync(join(root, "build"));
    writeFileSync(join(root, "build/vmlinux"), "");
  });

  it("copies the one that was built, links the symbols, and allows the developer to use it", async () => {
    const left = `/usr/local/bin/perf; cat /etc/sysctl.d/*; find '${root}/debug' -type l -printf '%P %l\\n' | sort`;
    const ran = await install("create", { after: left });
    const modules = "lib/modules/6.1.7+duet-abc";
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    expect(ran.stdout.split("\n")).toEqual([
      "perf: 6.1.7",
      "perf version 6.1.7",
      "# perf for the developer, by Duet",
      "kernel.perf_event_paranoid = -1",
      "kernel.kptr_restrict = 0",
      `${modules}/updates/duet-duet_odd /${modules}/updates/duet-duet_odd`,
      `${modules}/vmlinux ${root}/build/vmlinux`,
      "-1",
      "0",
      "",
    ]);
  });

  it("notices what is edited, and takes all of it back, twice, but what was there before", async () => {
    const first = await install(["create", "facts"]);
    expect(first.stdout).toMatch(/^\/usr\/local\/bin\/perf: \d+ bytes/m);
    expect(first.stdout).toMatch(/^kernel\.perf_event_paranoid: -1$/m);
    rmSync(join(root, "records"), { recursive: true });
    const left = `ls /usr/local/bin /etc/sysctl.d; ls -d '${root}/debug' 2>&1 || :`;
    const gone = await install(["create", "delete", "delete"], { after: left });
    expect(gone.stdout).toMatch(/^\/etc\/sysctl\.d:\n\n\/usr\/local\/bin:\nls: cannot access .*\n2\n2\n$/m);
  });

  it("leaves the symbols of a package, and removes the links of a kernel before", async () => {
    const [own, other] = ["6.1.7+duet-abc", "6.1.6+duet-old"].map((name) => join(root, "debug/lib/modules", name));
    mkdirSync(own as string, { recursive: true });
    writeFileSync(join(own as string, "vmlinux"), "of a package");
    mkdirSync(other as string);
    execFileSync("ln", ["-s", "/nowhere", join(other as string, "vmlinux")]);
    expect((await install(["create", "delete"])).code).toBe(0);
    expect(readFileSync(join(own as string, "vmlinux"), "utf8")).toBe("of a package");
    expect(existsSync(other as string)).toBe(false);
  });

  it("does not replace a perf of somebody else's, and says what to do", async () => {
    const ran = await install("create", { before: "echo mine >/usr/local/bin/perf" });
    expect(lastLine(ran)).toMatch(/^cannot install perf: Duet has not put the \/usr\/local\/bin\/perf there/);
    const kept = await install("delete", {
      before: "echo mine >/usr/local/bin/perf",
      after: "cat /usr/local/bin/perf",
    });
    expect(kept.stdout).toContain("mine");
  });

  it("links the newest real program of the distribution, not the front end of that name", async () => {
    const folder = join(root, "distribution");
    mkdirSync(folder);
    writeProgram(join(folder, "perf"), "echo WARNING: perf not found for kernel");
    for (const version of ["5.9", "5.10"]) {
      execFileSync("cp", ["/bin/true", join(folder, `perf_${version}`)]);
    }
    const ran = await install("create", { source: "package", after: "readlink /usr/local/bin/perf" });
    expect(ran.stdout).toContain(`\n${folder}/perf_5.10\n`);
  });

  it("installs the distribution's highest if there is none, and says so if there is none to install", async () => {
    const folder = join(root, "distribution");
    mkdirSync(folder);
    const stubs = {
      "apt-cache": `[ "$2" != linux-tools- ] || printf 'linux-tools-%s\\n' common 4.2.0-16 4.10.0-8 generic`,
      "dpkg-query": ":",
      dpkg: ":",
      "apt-get": `echo "\${@: -1}"; cp /bin/true '${folder}/perf_4.10'`,
    };
    const ran = await install("create", { source: "package", stubs });
    expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining("linux-tools-4.10.0-8\n")]);
    rmSync(join(root, "records"), { recursive: true });
    rmSync(join(folder, "perf_4.10"));
    const none = await install("create", { source: "package", stubs: { ...stubs, "apt-cache": ":" } });
    expect(lastLine(none)).toMatch(/^cannot find perf: apt knows no linux-perf .*perf: source/);
  });
});

describe("Perf", () => {
  const deployed = (from: PerfSource) =>
    deploy(
      () => {
        const [host, directory] = [localHost(), "/d"];
        const source = new SourceTree("s", { host, role: "duet-kernel", source: { copy: "/c" }, directory });
        const asked = { base: "tiny", localmodconfig: false, fragments: [] };
        const config = new KernelConfig("kernel-config", { host, source, directory, ...asked });
        const kernel = new KernelBuild("kernel", { host, source, config });
        const perf = new Perf("perf", { host, source, config, kernel, module: "duet", from });
        perf.installIn(localGuest("one"), { dependsOn: [] });
        perf.installIn(localGuest("two", {}, "two-"), { dependsOn: [] });
      },
      {
        ...printedOf("one"),
        ...printedOf("two"),
        "two-network-subnet": "152",
        s: "commit: c\nhash: h",
        "kernel-config": "config: c",
        kernel: "release: r\nbuild-id: k1\npackage: p",
        "perf-build": "perf: b1",
      },
    );

  it("is built once, after the kernel, and installed in each guest", async () => {
    const deployment = await deployed("source");
    expect(localStep(deployment, "perf-build").dependsOn).toContain("command:local:Command kernel");
    for (const guest of ["one", "two"]) {
      const step = deployment.resource("command:remote:Command", `perf-${guest}`);
      expect([given(step, "program"), given(step, "built")]).toEqual(["/d/build/duet-kernel/tools/perf/perf", "b1"]);
    }
  });

  it("is not built if it is the distribution's", async () => {
    const { made, resource } = await deployed("package");
    expect(made.some(({ name }) => name === "perf-build")).toBe(false);
    expect(given(resource("command:remote:Command", "perf-two"), "program")).toBe("''");
  });
});
