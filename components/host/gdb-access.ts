import * as pulumi from "@pulumi/pulumi";
import type { Machine } from "../machine/machine.ts";
import { dropLines, lineFacts, putLines } from "../machine/marked-lines.ts";
import { fail } from "../machine/result.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";

export interface GdbAccessArgs {
  /** The host on which gdb runs. */
  readonly host: Machine;
  /** Absolute path of the home directory of whoever runs gdb. */
  readonly home: string;
  /** The stack to which the lines belong. */
  readonly stack: string;
  /** Absolute path of the directory below which gdb may load scripts by itself. */
  readonly directory: string;
}

/** Whose file, which lines. */
export interface AutoLoadLines {
  /** Absolute path of the home directory. */
  readonly home: string;
  /** The stack, part of the marks. */
  readonly stack: string;
  /** Absolute path of the directory. */
  readonly directory: string;
}

/**
 * The line of the guide.
 *
 * @throws where the path would say more to gdb than a path: gdb takes the whole line, and ":" parts several paths.
 */
function autoLoadLine(directory: string): string {
  if (!directory.startsWith("/") || /[\s:$"'\\]/.test(directory)) {
    throw new Error(
      `gdb is to load scripts below ${JSON.stringify(directory)}, which is no path that it takes: use an absolute one without spaces, quotes, colons and dollars`,
    );
  }
  return `add-auto-load-safe-path ${directory}`;
}

/** The two init files of a home directory: gdb reads the first of them that is there. Source: gdb, "Startup". */
function initFiles(home: string): readonly [string, string] {
  return [`${home}/.config/gdb/gdbinit`, `${home}/.gdbinit`];
}

/** Sets `file` to the init file that gdb reads, or would read. */
function findInitFile(home: string): Shell {
  const [xdg, own] = initFiles(home);
  return sh`file=${own}; [ ! -e ${xdg} ] || file=${xdg}`;
}

/** Allows the directory, in the init file that gdb reads. */
export function allowAutoLoad({ home, stack, directory }: AutoLoadLines): Shell {
  const noHome = `gdb is to be allowed the scripts below ${directory}, and the home directory ${home} is not there`;
  return lines(
    sh`[ -d ${home} ] || ${fail(sh`${noHome}`)}`,
    findInitFile(home),
    putLines({ file: sh`"$file"`, owner: stack }, [autoLoadLine(directory)]),
  );
}

/** The lines that gdb finds, and the file in which it finds them. */
export function autoLoadFacts({ home, stack }: AutoLoadLines): Shell {
  return lines(
    findInitFile(home),
    sh`printf 'gdb reads: %s\n' "$file"`,
    lineFacts({ file: sh`"$file"`, owner: stack }, sh`'its lines'`),
  );
}

/** Takes the lines back out of both files: which of them gdb reads may have changed. */
export function revokeAutoLoad({ home, stack }: AutoLoadLines): Shell {
  return lines(...initFiles(home).map((file) => dropLines({ file, owner: stack })));
}

/**
 * Allows gdb to load the kernel's own gdb scripts, which it refuses outside of known directories.
 *
 * Source: guide, step 11. Owns the lines between its stack's marks in the init file that gdb reads, and no other.
 */
export class GdbAccess extends pulumi.ComponentResource {
  /** The resource after which gdb loads the scripts. */
  readonly allowed: pulumi.Resource;

  constructor(name: string, args: GdbAccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:host:GdbAccess", name, {}, opts);
    const { home, stack, directory } = args;
    const autoLoad: AutoLoadLines = { home, stack, directory };
    this.allowed = args.host.step(
      name,
      {
        title: `let gdb load scripts below ${directory}`,
        create: allowAutoLoad(autoLoad),
        facts: autoLoadFacts(autoLoad),
        delete: revokeAutoLoad(autoLoad),
      },
      { parent: this },
    ).resource;
    this.registerOutputs({});
  }
}
