import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { lastLine, runStep, type Verb } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script-text.ts";

let directory: string;
beforeEach(() => {
  directory = join(temporaryFolder("editor-"), "shared");
  mkdirSync(join(directory, "build/duet-kernel"), { recursive: true });
});

const values = () => ({
  directory,
  what: "kernel-build",
  stack: "dev",
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  kernel_tree: join(directory, "duet-kernel"),
  tree: join(directory, "duet-module"),
  objects: join(directory, "duet-module"),
  build: join(directory, "build/duet-kernel"),
  commands_awk: readFileSync(join(import.meta.dirname, "commands.awk"), "utf8").trimEnd(),
  kernel: "k1",
  module: "m1",
});
const run = (verbs: Verb | readonly Verb[], change = {}) =>
  runStep(scriptText(import.meta.url, "compile-commands.sh", { ...values(), ...change }), verbs);

/** A C file, and what make notes of its command. */
function compiled(source: string, object: string, line: string): void {
  for (const file of [source, object]) {
    mkdirSync(join(directory, dirname(file)), { recursive: true });
  }
  writeFileSync(join(directory, source), "");
  const note = object.replace(/([^/]*)$/, ".$1.cmd");
  writeFileSync(join(directory, note), `${line}\n\nsource_x := ${source}\n\ndeps_x := \\\n  cmd_y.o := gcc z.c \\\n`);
}

const kernels = "build/duet-kernel";
/** As Linux 6.1 notes it, with what runs behind the compiler; and as others do. */
function kernelAndModule(): void {
  const gccs = "-mrecord-mcount -mpreferred-stack-boundary=3 --param=allow-store-data-races=0 -fconserve-stack";
  compiled(
    "duet-kernel/mm/filemap.c",
    `${kernels}/mm/filemap.o`,
    `cmd_mm/filemap.o := ccache gcc -Wp,-MMD,mm/.filemap.o.d -nostdinc -I./include ${gccs} -O2 ` +
      `-DNAME='"file map"' -DHASH=$(pound) -DBACK='\\\\' -c -o mm/filemap.o ${directory}/duet-kernel/mm/filemap.c   ; ./tools/objtool mm/filemap.o`,
  );
  compiled(
    "duet-module/hook.c",
    "duet-module/hook.o",
    `savedcmd_${directory}/duet-module/hook.o := gcc -DMODULE -c -o ${directory}/duet-module/hook.o ${directory}/duet-module/hook.c`,
  );
  compiled("duet-kernel/a.S", `${kernels}/a.o`, "cmd_a.o := gcc -c -o a.o a.S");
  compiled(`${kernels}/tools/objtool/check.c`, `${kernels}/tools/objtool/check.o`, "cmd_check.o := gcc -c check.c");
  compiled(`${kernels}/init/version.c`, `${kernels}/init/version.o`, "cmd_init/version.o := gcc -c init/version.c");
}

interface Entry {
  readonly directory: string;
  readonly file: string;
  readonly command: string;
}
const database = () => join(directory, "build/compile_commands.json");
const entries = (): readonly Entry[] => JSON.parse(readFileSync(database(), "utf8"));
const files = () =>
  entries()
    .map(({ file }) => file.slice(directory.length + 1))
    .sort();

describe("compile_commands.json", () => {
  it("has the C files of kernel and module, from where make compiles them", async () => {
    kernelAndModule();
    const ran = await run("create");
    expect([ran.code, ran.stderr]).toEqual([0, ""]);
    expect(files()).toEqual([`${kernels}/init/version.c`, "duet-kernel/mm/filemap.c", "duet-module/hook.c"]);
    expect(new Set(entries().map((entry) => entry.directory))).toEqual(new Set([join(directory, kernels)]));
  });

  it("has the module's sources for the links from which the object of one of several kernels is made", async () => {
    kernelAndModule();
    rmSync(join(directory, "duet-module/.hook.o.cmd"));
    const objects = `${kernels}/duet-module.duet`;
    const file = join(directory, objects, "hook");
    compiled(
      `${objects}/hook.c`,
      `${objects}/hook.o`,
      `savedcmd_${file}.o := gcc -I${join(directory, objects)} -c -o ${file}.o ${file}.c`,
    );
    await run("create", { objects: join(directory, objects) });
    expect(files()).toEqual([`${kernels}/init/version.c`, "duet-kernel/mm/filemap.c", "duet-module/hook.c"]);
    const found = entries().find((entry) => entry.file.endsWith("/hook.c"));
    expect(found?.command).toBe(
      `gcc -I${join(directory, objects)} -c -o ${file}.o ${join(directory, "duet-module/hook.c")}`,
    );
  });

  it("has commands as a shell takes them, without what only gcc knows", async () => {
    kernelAndModule();
    await run("create");
    const found = entries().find(({ file }) => file.endsWith("/filemap.c"));
    expect(found?.command).toBe(
      `gcc -nostdinc -I./include -O2 -DNAME='"file map"' -DHASH=# -DBACK='\\\\' -c -o mm/filemap.o ${directory}/duet-kernel/mm/filemap.c`,
    );
  });

  it("is beside the builds, where no tree of the user's has it", async () => {
    kernelAndModule();
    await run("create");
    expect(existsSync(join(directory, "duet-module/compile_commands.json"))).toBe(false);
    expect(existsSync(database())).toBe(true);
  });

  it("keeps what another stack's module has there, as long as its files are there", async () => {
    kernelAndModule();
    await run("create");
    const other = join(directory, "other-module");
    compiled("other-module/a.c", "other-module/a.o", `cmd_a.o := gcc -c ${other}/a.c`);
    await run("create", { tree: other, objects: other });
    expect(files()).toContain("duet-module/hook.c");
    expect(files()).toContain("other-module/a.c");
    rmSync(other, { recursive: true });
    await run("create");
    expect(files()).toEqual([`${kernels}/init/version.c`, "duet-kernel/mm/filemap.c", "duet-module/hook.c"]);
  });

  it("lists the kernel's files again once a build has noted others, and the module's always", async () => {
    const log = join(directory, kernels, "duet-build.log");
    kernelAndModule();
    writeFileSync(log, "");
    await run("create");
    compiled("duet-kernel/b.c", `${kernels}/b.o`, `cmd_b.o := gcc -c ${directory}/duet-kernel/b.c`);
    compiled("duet-module/c.c", "duet-module/c.o", `cmd_c.o := gcc -c ${directory}/duet-module/c.c`);
    await run("create");
    expect(files()).toContain("duet-module/c.c");
    expect(files()).toContain("duet-kernel/mm/filemap.c");
    expect(files()).not.toContain("duet-kernel/b.c");
    const later = new Date(Date.now() + 5000);
    utimesSync(log, later, later);
    await run("create");
    expect(files()).toContain("duet-kernel/b.c");
    expect(files()).toHaveLength(5);
  });

  it("that is gone is drift", async () => {
    kernelAndModule();
    const there = await run(["create", "facts"]);
    expect(there.stdout).toBe("compile commands: of kernel and module\n");
    rmSync(database());
    expect((await run("facts")).stdout).toBe("compile commands: \n");
  });

  it("goes with the last stack that has the build, and its folder if nothing else is there", async () => {
    kernelAndModule();
    const holders = join(directory, ".duet/holds/kernel-build");
    mkdirSync(holders, { recursive: true });
    for (const holder of [".lock", "dev", "other"]) {
      writeFileSync(join(holders, holder), "");
    }
    await run(["create", "delete"]);
    expect(existsSync(database())).toBe(true);
    rmSync(join(holders, "other"));
    await run("delete");
    expect(existsSync(database())).toBe(false);
    expect(existsSync(join(directory, kernels))).toBe(true);
    rmSync(join(directory, kernels), { recursive: true });
    await run("delete");
    expect(existsSync(join(directory, "build"))).toBe(false);
  });

  it("says what is wrong if make has noted nothing of the module", async () => {
    kernelAndModule();
    rmSync(join(directory, "duet-module"), { recursive: true });
    mkdirSync(join(directory, "duet-module"));
    const ran = await run("create");
    expect([ran.code, lastLine(ran)]).toEqual([0, expect.stringContaining(`nothing in ${directory}/duet-module`)]);
  });
});
