import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { deploy, given, localGuest, localStep, printedOf, scriptOf, settled } from "../../test/support/mocks.ts";
import { runStep, writeProgram } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { DuetModule } from "../duet/module.ts";
import type { HostArgs } from "../host/host.ts";
import { KernelBuild } from "../kernel/build.ts";
import { KernelConfig } from "../kernel/config.ts";
import { SourceTree } from "../sources/source-tree.ts";
import { Editor } from "./editor.ts";
import { tasks } from "./tasks.ts";

/** The files of an editor of a stack, below its folder of the state. */
async function written(folder: string, change: Partial<HostArgs> = {}, build: "guest" | "host" = "host") {
  const deployed = await deploy(
    () => {
      const guest = localGuest("duetdev", { stateFolder: folder, ...change });
      const { host } = guest;
      const directory = "/media/data/duet";
      const source = (name: string) =>
        new SourceTree(`${name}-source`, { host, role: `duet-${name}`, source: { copy: "/x" }, directory });
      const sources = [source("kernel"), source("module")] as const;
      const asked = { base: "tiny", localmodconfig: false, fragments: [] };
      const config = new KernelConfig("kernel-config", { host, source: sources[0], directory, ...asked });
      const kernel = new KernelBuild("kernel", { host, source: sources[0], config });
      const module = new DuetModule("module", { host, source: sources[1], kernel, build });
      module.loadIn(guest, {});
      return new Editor("editor", { host, kernel, module, sources, guests: [guest], command: ["/p/duetctl"] });
    },
    {
      ...printedOf("duetdev"),
      "kernel-source": "commit: c\nhash: h",
      "module-source": "commit: c\nhash: h",
      "kernel-config": "config: c",
      kernel: "release: r\nbuild-id: kernel-1\npackage: p",
      "module-build": "build-id: module-1",
      "module-duetdev": "build-id: module-1",
    },
  );
  const files = scriptOf(localStep(deployed, "editor-files")).script;
  const ran = await runStep(files, "create");
  expect([ran.code, ran.stderr]).toEqual([0, ""]);
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  return { deployed, files, read, json: (name: string) => JSON.parse(read(name)) };
}

describe("the workspace of a stack", () => {
  it("is there to be opened, with the sources as its folders", async () => {
    const folder = temporaryFolder("editor's-");
    const { deployed, json } = await written(folder);
    const workspace = (await settled(deployed.value.workspace)).value;
    expect(workspace).toBe(join(folder, "dev.code-workspace"));
    const { folders, settings, launch, tasks } = json("dev.code-workspace");
    expect(folders).toEqual([{ path: "/media/data/duet/duet-kernel" }, { path: "/media/data/duet/duet-module" }]);
    expect(settings["C_Cpp.default.compileCommands"]).toEqual(["/media/data/duet/build/compile_commands.json"]);
    expect(json(".vscode/launch.json")).toEqual(launch);
    expect(json(".vscode/tasks.json")).toEqual(tasks);
  });

  it("attaches each kind of adapter to the stub, by a gdb of the guest's", async () => {
    const folder = temporaryFolder("editor-");
    const { json } = await written(folder);
    const { configurations } = json(".vscode/launch.json");
    const byType = Object.fromEntries(configurations.map((one: { type: string }) => [one.type, one]));
    const [gdb, stub, program] = [join(folder, "duetdev.editor.sh"), "127.0.0.1:1240", "/src/build/vmlinux"];
    expect(byType.cppdbg).toMatchObject({ miDebuggerPath: gdb, miDebuggerServerAddress: stub, program });
    expect(byType.gdbtarget).toMatchObject({ request: "attach", gdb, program, target: { parameters: [stub] } });
    expect(byType.gdb).toMatchObject({ request: "attach", gdb_path: gdb, program, target: stub });
  });

  it("has tasks that build, reload and attach, with words that reach no shell", async () => {
    const folder = temporaryFolder("editor-");
    const { json } = await written(folder);
    const tasks: readonly { label: string; type: string; command: string; args: readonly string[] }[] =
      json(".vscode/tasks.json").tasks;
    const words = Object.fromEntries(tasks.map(({ label, command, args }) => [label, [command, ...args]]));
    expect(new Set(tasks.map(({ type }) => type))).toEqual(new Set(["process"]));
    expect(words["Duet: build the module"]).toEqual(["bash", `${folder}/steps/module-build.sh`, "create"]);
    expect(words["Duet: build the kernel"]).toEqual(["bash", `${folder}/steps/kernel.sh`, "create"]);
    expect(Object.values(words)).toContainEqual(["/p/duetctl", "up", "--stack", "dev"]);
    expect(Object.values(words)).toContainEqual(["/p/duetctl", "gdb", "--stack", "dev", "duetdev"]);
  });

  it("has the tasks that compile, and no others, if duetctl does not know the stack", () => {
    const builds = { buildKernel: ["make", "kernel"], buildModule: ["make", "module"] };
    const made = tasks({ stack: "dev", guests: ["duetdev"], command: undefined, ...builds });
    expect(made).toMatchObject([{ args: ["module"] }, { args: ["kernel"] }]);
    expect(made).toHaveLength(2);
  });

  it("builds the module in the guest that builds it", async () => {
    const folder = temporaryFolder("editor-");
    const { json } = await written(folder, { enter: ["ip", "netns", "exec", "duet"] }, "guest");
    const { command, args } = json(".vscode/tasks.json").tasks[0];
    const ssh = ["ip", "netns", "exec", "duet", "ssh", "-F", `${folder}/duetdev/ssh_config`, "duetdev"];
    expect([command, ...args]).toEqual([...ssh, "bash", "/var/lib/duet/steps/module-build.sh", "create"]);
  });

  it("is drift if one of its files is changed or gone, and goes whole", async () => {
    const folder = temporaryFolder("editor-");
    const { files } = await written(folder);
    const facts = async () => (await runStep(files, "facts")).stdout;
    const before = await facts();
    expect(before).toMatch(/^files of the editor: [0-9a-f]{16}\n$/);
    writeFileSync(join(folder, ".vscode/tasks.json"), "{}");
    expect(await facts()).not.toBe(before);
    writeFileSync(join(folder, "mine"), "");
    await runStep(files, "delete");
    expect(existsSync(join(folder, ".vscode"))).toBe(false);
    expect(existsSync(join(folder, "dev.code-workspace"))).toBe(false);
    expect(existsSync(join(folder, "mine"))).toBe(true);
  });

  it("notes again how it is compiled for another build", async () => {
    const { deployed } = await written(temporaryFolder("editor-"));
    const step = localStep(deployed, "editor-commands");
    expect([given(step, "kernel"), given(step, "module")]).toEqual(["kernel-1", "module-1"]);
  });
});

describe("gdb of an editor", () => {
  it("loads the module's symbols once the adapter has attached", async () => {
    const { read } = await written(temporaryFolder("editor-"));
    const lines = read("duetdev.editor.gdb").split("\n");
    expect(lines).toContain("file /src/build/vmlinux");
    const hook = lines.indexOf("define target hookpost-remote");
    expect(lines.slice(hook + 1, hook + 3)).toEqual(["lx-symbols /src/module", "end"]);
    expect(lines.filter((line) => line.startsWith("target remote"))).toEqual([]);
  });

  /** What a gdb that is called by the file of the editor is given, in a folder whose name a shell would take apart. */
  async function called(change: Partial<HostArgs>) {
    const folder = join(temporaryFolder("it's editor-"), "state");
    mkdirSync(folder);
    await written(folder, change);
    const program = join(folder, "duetdev.editor.sh");
    expect(statSync(program).mode & 0o777).toBe(0o700);
    const bin = temporaryFolder("bin-");
    writeProgram(join(bin, "gdb"), `printf '%s|' "$@"; while [ "$1" != -x ]; do shift; done; grep -c "^file " "$2"`);
    const { stdout } = spawnSync(program, ["--interpreter=mi2"], {
      encoding: "utf8",
      env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
    });
    return { stdout, folder };
  }

  it("of a person is that person's", async () => {
    const { stdout, folder } = await called({ root: { as: ["sudo"], folder: "/var/lib/duet/stacks/1" } });
    expect(stdout).toBe(`-x|${folder}/duetdev.editor.gdb|--interpreter=mi2|1\n`);
  });

  it.runIf(process.getuid?.() === 0)("of root is the developer's, in the network of the guest", async () => {
    const { stdout } = await called({ enter: ["env", "ENTERED=yes"], developer: { uid: 54321, gid: 54322 } });
    expect(stdout).toBe("-iex|add-auto-load-safe-path /media/data/duet|-x|/proc/self/fd/3|--interpreter=mi2|1\n");
  });
});
