import { type DebugTarget, launchConfigurations } from "./launch.ts";
import { type TaskArgs, tasks } from "./tasks.ts";

export interface WorkspaceArgs extends TaskArgs {
  /** Absolute paths of the sources. */
  readonly trees: readonly string[];
  /** Absolute path of compile_commands.json. */
  readonly compileCommands: string;
  readonly targets: readonly DebugTarget[];
}

/** A file for an editor: its name, and its text. */
type EditorFile = readonly [name: string, text: string];

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/**
 * What an editor reads, by name: a workspace that can be opened, and the same for one that reads a folder .vscode.
 *
 * Source: code.visualstudio.com/docs, multi-root workspaces, debugging configuration, tasks.
 */
export function workspaceFiles(args: WorkspaceArgs): readonly EditorFile[] {
  const { stack, trees, compileCommands, targets } = args;
  const launch = { version: "0.2.0", configurations: targets.flatMap(launchConfigurations) };
  const work = { version: "2.0.0", tasks: tasks(args) };
  const workspace = {
    folders: trees.map((path) => ({ path })),
    settings: {
      "clangd.arguments": [`--compile-commands-dir=${compileCommands.slice(0, compileCommands.lastIndexOf("/"))}`],
      "C_Cpp.default.compileCommands": [compileCommands],
      // What make writes is nobody's edit, and a kernel's has 80,000 files.
      "files.watcherExclude": { "**/*.o": true, "**/.*.cmd": true },
      "search.exclude": { "**/*.o": true, "**/.*.cmd": true, "**/*.ko": true },
    },
    launch,
    tasks: work,
    extensions: {
      recommendations: ["llvm-vs-code-extensions.vscode-clangd", "ms-vscode.cpptools", "eclipse-cdt.cdt-gdb-vscode"],
    },
  };
  return [
    [workspaceFile(stack), json(workspace)],
    [".vscode/launch.json", json(launch)],
    [".vscode/tasks.json", json(work)],
  ];
}

/** Name of the workspace's file. */
export const workspaceFile = (stack: string): string => `${stack}.code-workspace`;
