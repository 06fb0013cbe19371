import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { DuetModule } from "../duet/module.ts";
import type { VirtualMachine } from "../guest/virtual-machine.ts";
import type { Host } from "../host/host.ts";
import type { KernelBuild } from "../kernel/build.ts";
import { script } from "../machine/script.ts";
import type { SourceTree } from "../sources/source-tree.ts";
import { editorDebugger } from "./debugger.ts";
import { workspaceFile, workspaceFiles } from "./workspace.ts";

/** What an editor is told of. */
export interface EditorArgs {
  /** The host that has sources and builds, on which the editor runs. */
  readonly host: Host;
  /** The kernel whose files are compiled; of several, the one that a reader of its sources looks at. */
  readonly kernel: KernelBuild;
  /** The module for that kernel, which some guest loads. */
  readonly module: DuetModule;
  /** The sources of kernel, module and tools: the folders of the workspace. */
  readonly sources: readonly SourceTree[];
  /** The guests to which a debugger attaches. */
  readonly guests: readonly VirtualMachine[];
  /** Words of the command by which people work with the stack: duetctl. Defaults to none, and to no tasks of it. */
  readonly command?: readonly string[] | undefined;
}

const commandsAwk = readFileSync(new URL("commands.awk", import.meta.url), "utf8").trimEnd();

/**
 * What an editor needs to know of an environment: how each file is compiled, how its debugger attaches, what it may have
 * built. Nothing of it is in the user's sources: the compilation database is beside the builds, and the rest in the
 * stack's folder of the state.
 */
export class Editor extends pulumi.ComponentResource {
  /** Absolute path of the workspace file, known once it is there. */
  readonly workspace: pulumi.Output<string>;

  constructor(name: string, args: EditorArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:editor:Editor", name, {}, opts);
    const { host, kernel, module, sources, guests, command } = args;
    const { hold, tree, build, buildId } = kernel;
    host.step(
      `${name}-commands`,
      {
        title: "note for editors how kernel and module are compiled",
        script: script(import.meta.url, "compile-commands.sh", {
          ...hold,
          ...host.developer,
          stack: host.stack,
          kernel_tree: tree,
          tree: module.tree,
          objects: module.objects,
          build,
          commands_awk: commandsAwk,
          kernel: buildId,
          module: module.buildId,
        }),
      },
      { parent: this },
    );
    const debuggers = guests.map((guest) => editorDebugger(guest, hold.directory));
    const stubs = pulumi.all(guests.map(({ stub }) => stub));
    const files = pulumi.all([stubs, module.buildCommand]).apply(([stubs, buildModule]) =>
      workspaceFiles({
        stack: host.stack,
        guests: guests.map((guest) => guest.name),
        command,
        buildKernel: kernel.buildCommand,
        buildModule,
        trees: sources.map((source) => source.tree),
        compileCommands: `${build.slice(0, build.lastIndexOf("/"))}/compile_commands.json`,
        targets: stubs.map((stub, at) => {
          const { name, symbols } = guests[at]!;
          return { guest: name, stub, gdb: debuggers[at]!.program, build: symbols.build };
        }),
      }),
    );
    const ofGdb = debuggers.flatMap((one) => one.files);
    const step = host.step(
      `${name}-files`,
      {
        title: "write what an editor needs",
        script: script(import.meta.url, "editor-files.sh", {
          folder: host.stateFolder,
          names: files.apply((all) => [...ofGdb, ...all].map(([file]) => file)),
          texts: pulumi
            .all([pulumi.all(ofGdb.map(([, text]) => text)), files])
            .apply(([texts, all]) => [...texts, ...all.map(([, text]) => text)]),
        }),
      },
      { parent: this },
    );
    this.workspace = step.stdout.apply(() => `${host.stateFolder}/${workspaceFile(host.stack)}`);
    this.registerOutputs({ workspace: this.workspace });
  }
}
