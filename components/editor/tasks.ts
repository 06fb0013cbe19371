/** What an editor may have done. */
export interface TaskArgs {
  /** Name of the stack. */
  readonly stack: string;
  /** Names of its guests. */
  readonly guests: readonly string[];
  /** Words of duetctl. Undefined if it does not know the stack. */
  readonly command: readonly string[] | undefined;
  /** Words of the commands that build kernel and module, and load nothing. */
  readonly buildKernel: readonly string[];
  readonly buildModule: readonly string[];
}

interface TaskOptions {
  /** Whether it prints what a compiler finds. */
  readonly compiles?: boolean;
  /** Whether it is what the editor's own key for a build does. */
  readonly isDefault?: boolean;
}

/** A task of tasks.json, whose words reach no shell. */
function task(
  label: string,
  [command = "", ...args]: readonly string[],
  { compiles = false, isDefault = false }: TaskOptions = {},
): object {
  return {
    label,
    type: "process",
    command,
    args,
    problemMatcher: compiles ? ["$gcc"] : [],
    ...(compiles ? { group: isDefault ? { kind: "build", isDefault } : "build" } : {}),
    presentation: compiles ? { clear: true } : { panel: "dedicated", focus: true },
  };
}

/** Tasks for the loop of a developer: build, reload, attach. */
export function tasks({ stack, guests, command, buildKernel, buildModule }: TaskArgs): readonly object[] {
  const builds = [
    task("Duet: build the module", buildModule, { compiles: true }),
    task("Duet: build the kernel", buildKernel, { compiles: true }),
  ];
  if (command === undefined) {
    return builds;
  }
  const ctl = (verb: string, ...words: readonly string[]) => [...command, verb, "--stack", stack, ...words];
  return [
    ...builds,
    task("Duet: build what was edited, reload it, and prove it", ctl("up"), { compiles: true, isDefault: true }),
    task("Duet: status", ctl("status")),
    ...guests.flatMap((guest) => [
      task(`Duet: attach gdb to ${guest}`, ctl("gdb", guest)),
      task(`Duet: log in to ${guest}`, ctl("ssh", guest)),
      task(`Duet: follow the console of ${guest}`, ctl("logs", "--follow", guest)),
    ]),
  ];
}
