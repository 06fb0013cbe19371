import * as pulumi from "@pulumi/pulumi";
import { gdbPath, symbolCommands } from "../gdb/session.ts";
import type { VirtualMachine } from "../guest/virtual-machine.ts";
import { script } from "../machine/script.ts";
import { sh } from "../machine/shell.ts";
import { template } from "../machine/template.ts";

/** gdb for a guest, as an editor's debug adapter starts it. */
export interface EditorDebugger {
  /** Absolute path of the program. */
  readonly program: string;
  /** The files that make it, below the stack's folder of the state: name and text. */
  readonly files: readonly (readonly [name: string, text: pulumi.Input<string>])[];
}

/**
 * gdb which knows the symbols of kernel and module once the adapter, whichever it is, has attached. It runs in the
 * network of the guest, and as the developer, also if root's editor starts it: see gdb/debugger.sh.
 *
 * @param directory absolute path of the sources directory
 */
export function editorDebugger(guest: VirtualMachine, directory: string): EditorDebugger {
  const { host, id } = guest;
  const { build, modules } = guest.symbols;
  const [commands, program] = [`${id}.editor.gdb`, `${id}.editor.sh`];
  const hook = template(import.meta.url, "editor.gdb", { guest: guest.name, tree: gdbPath(modules) });
  const commandFile = `${host.stateFolder}/${commands}`;
  const { developer, enter } = host;
  const words = host.isOfPerson
    ? sh`exec gdb -x ${commandFile} "$@"`.shell
    : script(import.meta.url, "../gdb/debugger.sh", { ...developer, enter, directory, command_file: commandFile });
  return {
    program: `${host.stateFolder}/${program}`,
    files: [
      [commands, `${symbolCommands(build)}${hook}`],
      [program, pulumi.interpolate`#!/usr/bin/env bash\n${words}\n`],
    ],
  };
}
