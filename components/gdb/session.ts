import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { DuetModule, LoadedModule } from "../duet/module.ts";
import type { VirtualMachine } from "../guest/virtual-machine.ts";
import type { KernelBuild } from "../kernel/build.ts";
import { script } from "../machine/script.ts";
import { resultIn } from "../machine/step.ts";
import { template } from "../machine/template.ts";

/** What is proven to be debuggable. */
export interface DebugSessionArgs {
  /** The guest. */
  readonly guest: VirtualMachine;
  /** Absolute path of the shared directory, below which the sources of kernel and module are. */
  readonly directory: string;
  /** The kernel that it runs. */
  readonly kernel: KernelBuild;
  /** The module that was built for it. */
  readonly module: DuetModule;
  /** The module as it is loaded in this guest. */
  readonly loaded: LoadedModule;
  /** A function of the module, which gdb has to find. Defaults to the module's hook, or its first function. */
  readonly functionName?: string | undefined;
}

/** Where gdb found a function of the module. */
export interface Proof {
  /** Name of the function. */
  readonly function: string;
  /** In the guest's memory, in hexadecimal. */
  readonly address: string;
  /** Absolute path of the source. */
  readonly file: string;
  /** The line at which it begins. */
  readonly line: number;
}

/** The commands that find the function, whose `@function@` the step fills: it chooses one if the spec names none. */
const prove = readFileSync(new URL("prove.gdb", import.meta.url), "utf8");

/** What the kernel's own scripts lack. */
const more = readFileSync(new URL("kernel-scripts.py", import.meta.url), "utf8");

/**
 * A path for a command of gdb's, which has no quoting that all of them share.
 *
 * @throws if gdb would take it for anything but one path
 */
export function gdbPath(path: string): string {
  if (!/^\/[\w@%+=:,./-]*$/.test(path)) {
    throw new Error(`cannot give gdb the path ${JSON.stringify(path)}: take letters, digits and @%+=:,./_- only`);
  }
  return path;
}

/** The file of commands that attach gdb to a guest. */
const commandFileOf = ({ host, id }: VirtualMachine): string => `${host.stateFolder}/${id}.gdb`;

/** Words of the command that attaches gdb to a guest, from any shell of its host. */
export function gdbWords(guest: VirtualMachine): readonly string[] {
  const { host } = guest;
  const file = commandFileOf(guest);
  // Of a person's own stack nobody calls gdb but that person.
  return host.isOfPerson ? [...host.enter, "gdb", "-x", file] : [`${file}.sh`];
}

/**
 * gdb's commands that load the symbols of a kernel, and its scripts. Those of modules follow once gdb has attached.
 *
 * @param build absolute path of the folder with vmlinux
 */
export function symbolCommands(build: string): string {
  return template(import.meta.url, "symbols.gdb", { build: gdbPath(build), more });
}

/** Reads what the step printed. */
function proofIn(stdout: string): Proof | undefined {
  const result = (key: string) => resultIn(stdout, key);
  return /^address: /m.test(stdout)
    ? { function: result("function"), address: result("address"), file: result("file"), line: Number(result("line")) }
    : undefined;
}

/**
 * The proof that a guest can be debugged: gdb attaches once the module is loaded, finds a function of it by name, and
 * lets the guest go. Writes the commands with which a person does the same: lx-symbols comes last, when the guest runs
 * and the module is loaded, and gdb works in the build directory, where lx-symbols looks for the kernel's own modules,
 * and up to Linux 4.19 for vmlinux. gdb runs as the developer, also if root calls it: its scripts are the kernel's.
 *
 * Source: guide, step 13. Errors: nothing listens at the stub; a gdb that has stopped the guest, by its pid; what gdb
 * says if it does not find the function. With one that has let the guest continue the proof is left out until it is gone.
 */
export class DebugSession extends pulumi.ComponentResource {
  /** Undefined if the proof was left out, since a debugger was attached that had let the guest continue. */
  readonly proof: pulumi.Output<Proof | undefined>;
  /** Words of the command that attaches gdb, from any shell of the host; known once the guest is proven debuggable. */
  readonly gdb: pulumi.Output<readonly string[]>;

  constructor(name: string, args: DebugSessionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:gdb:DebugSession", name, {}, { ...opts, aliases: [{ type: "duet:debug:DebugSession" }] });
    const { guest, directory, kernel, module, loaded, functionName } = args;
    if (functionName !== undefined && !/^[A-Za-z_]\w*$/.test(functionName)) {
      throw new Error(`cannot look for the function ${JSON.stringify(functionName)}: it is no name in C`);
    }
    const { host } = guest;
    const commandFile = commandFileOf(guest);
    const debuggerFile = host.isOfPerson ? undefined : `${commandFile}.sh`;
    const { enter, developer } = host;
    const values = { ...developer, enter, directory, command_file: commandFile };
    const text = script(import.meta.url, "debugger.sh", values).apply((text) => `#!/usr/bin/env bash\n${text}`);
    const objects = gdbPath(module.objects);
    const symbols = symbolCommands(kernel.build);
    const attach = guest.stub.apply(
      (stub) => `${symbols}${template(import.meta.url, "attach.gdb", { tree: objects, stub })}`,
    );
    const user = script(import.meta.url, "attached.sh", { stub: guest.stub }).apply((text) =>
      // A text of JSON's is one of Python's.
      template(import.meta.url, "user.gdb", { guest: guest.name, attached: JSON.stringify(text) }),
    );
    const step = host.step(
      name,
      {
        title: `prove ${guest.name} debuggable`,
        script: script(import.meta.url, "session.sh", {
          uri: host.uri,
          guest: guest.name,
          stub: guest.stub,
          directory,
          ...developer,
          objects,
          module: module.moduleName,
          function: functionName,
          user_commands: pulumi.interpolate`${user}${attach}`,
          proof_commands: pulumi.interpolate`set pagination off\nset confirm off\nset width 0\n${attach}${prove}`,
          command_file: commandFile,
          debugger: debuggerFile && text,
          debugger_file: debuggerFile,
          kernel: kernel.buildId,
          loaded: loaded.buildId,
        }),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    this.proof = step.stdout.apply(proofIn);
    this.gdb = step.stdout.apply(() => gdbWords(guest));
    this.registerOutputs({ proof: this.proof });
  }
}
