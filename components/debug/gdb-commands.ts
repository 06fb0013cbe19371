/** What gdb needs to know of one guest. */
export interface GdbTarget {
  /** Name of the domain. */
  readonly domain: string;
  /** Port of its stub on 127.0.0.1. */
  readonly port: number;
  /** Absolute path of the kernel's build directory, with vmlinux and its gdb scripts. */
  readonly buildDirectory: string;
  /** Absolute path of the directory with the module's object. */
  readonly moduleDirectory: string;
}

/**
 * A path for a command of gdb's, which has no quoting that all of them share.
 *
 * @throws where gdb would take it for anything but one path.
 */
function gdbPath(path: string): string {
  if (!/^\/[\w@%+=:,./-]*$/.test(path)) {
    throw new Error(`gdb is to use the path ${JSON.stringify(path)}: take letters, digits and @%+=:,./_- only`);
  }
  return path;
}

/**
 * The commands that attach gdb to a guest with the symbols of kernel and module, in the order that the guide wants:
 * lx-symbols comes last, when the guest runs and the module is loaded. gdb works in the module's directory, as
 * lx-symbols looks for modules in the working directory too.
 *
 * Source: guide, steps 11 and 13.
 */
export function attachCommands(target: GdbTarget): readonly string[] {
  const build = gdbPath(target.buildDirectory);
  const module = gdbPath(target.moduleDirectory);
  return [
    `cd ${module}`,
    "set auto-load python-scripts off",
    `file ${build}/vmlinux`,
    `source ${build}/vmlinux-gdb.py`,
    "set auto-load python-scripts on",
    "set tcp connect-timeout 15",
    "set remotetimeout 15",
    `target remote 127.0.0.1:${target.port}`,
    `lx-symbols ${module}`,
  ];
}

/** The file of gdb commands with which a person debugs a guest: `gdb -x FILE`. */
export function userCommandFile(target: GdbTarget): string {
  return [
    `# gdb, attached to ${target.domain} with the symbols of kernel and module. Written by pulumi up.`,
    `# The guest stands still while gdb is at its prompt; "detach" or "quit" lets it go.`,
    ...attachCommands(target),
    "",
  ].join("\n");
}

/** The file of gdb commands of a session that proves a function of the module debuggable, and lets the guest go. */
export function proofCommandFile(target: GdbTarget, functionName: string): string {
  if (!/^[A-Za-z_]\w*$/.test(functionName)) {
    throw new Error(`gdb is to look for the function ${JSON.stringify(functionName)}, which is no name in C`);
  }
  return [
    "set pagination off",
    "set confirm off",
    "set width 0",
    ...attachCommands(target),
    `echo proof: lines\\n`,
    `info line ${functionName}`,
    `info symbol ${functionName}`,
    `x/2i ${functionName}`,
    "echo proof: done\\n",
    "detach",
    "",
  ].join("\n");
}
