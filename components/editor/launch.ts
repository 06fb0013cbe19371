/** How an editor's debugger reaches a guest. */
export interface DebugTarget {
  /** Name of the guest. */
  readonly guest: string;
  /** What gdb's `target remote` takes. */
  readonly stub: string;
  /** Absolute path of the program that is gdb for this guest. */
  readonly gdb: string;
  /** Absolute path of the folder with vmlinux. */
  readonly build: string;
}

/**
 * Configurations of launch.json that attach to a guest, one for each debug adapter that people have: Microsoft's of the
 * C/C++ extension, Eclipse's, and gdb's own, which is there from gdb 14 on, and which the editor starts by
 * `GDB --interpreter=dap`. The guest goes on once the adapter is attached and its breakpoints are set; with gdb's own adapter
 * it waits to be continued.
 */
export function launchConfigurations({ guest, stub, gdb, build }: DebugTarget): readonly object[] {
  const program = `${build}/vmlinux`;
  return [
    {
      name: `${guest}: C/C++ extension`,
      type: "cppdbg",
      request: "launch",
      program,
      cwd: build,
      MIMode: "gdb",
      miDebuggerPath: gdb,
      miDebuggerServerAddress: stub,
      stopAtConnect: false,
      externalConsole: false,
    },
    {
      name: `${guest}: CDT GDB adapter`,
      type: "gdbtarget",
      request: "attach",
      gdb,
      program,
      cwd: build,
      target: { type: "remote", parameters: [stub] },
    },
    {
      name: `${guest}: gdb's own adapter, gdb 14 or newer`,
      type: "gdb",
      request: "attach",
      gdb_path: gdb,
      gdb_args: ["--interpreter=dap"],
      program,
      cwd: build,
      target: stub,
    },
  ];
}
