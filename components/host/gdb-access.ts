import * as pulumi from "@pulumi/pulumi";
import type { Machine } from "../machine/machine.ts";
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

/** The line before, or after, what belongs to a stack. Throws for what is no stack's name. */
function mark(edge: "begin" | "end", stack: string): string {
  if (!/^[\w.-]+$/.test(stack)) {
    throw new Error(
      `lines in gdb's init file are to be marked for the stack ${JSON.stringify(stack)}, which is no name`,
    );
  }
  return `# duet ${stack}: ${edge}`;
}

const createdMark = "# duet: made this file";

/** A line as a regular expression of sed that matches just this line. */
function only(line: string): string {
  return `^${line.replaceAll(/[\\/.*[\]^$]/g, "\\$&")}$`;
}

/**
 * Sets `file` to the init file that gdb reads: it looks for the XDG one first, and reads only the first that is there.
 *
 * Source: gdb, "Startup": `$XDG_CONFIG_HOME/gdb/gdbinit`, else `~/.gdbinit`.
 */
function findInitFile(home: string): Shell {
  const [xdg, own] = [`${home}/.config/gdb/gdbinit`, `${home}/.gdbinit`];
  return sh`file=${own}; [ ! -e ${xdg} ] || file=${xdg}`;
}

/** Opens an edit of one init file: `target` is the file behind symbolic links, `new` what it is to become. */
function beginEdit(home: string): Shell {
  return lines(sh`exec 9<${home}; flock -w 60 9`, sh`target=$(readlink -m -- "$file"); new=$target.duet-new`);
}

/** Takes the lines of one stack out of standard input: all between its marks, or the marks alone where one is gone. */
function withoutLines(stack: string): Shell {
  const [begin, end] = [only(mark("begin", stack)), only(mark("end", stack))];
  const has = (edge: "begin" | "end") => sh`grep -qxF -e ${mark(edge, stack)} -- "$target"`;
  return sh`if ${has("begin")} && ${has("end")}; then sed -e ${`/${begin}/,/${end}/d`} -- "$target"; else sed -e ${`/${begin}/d`} -e ${`/${end}/d`} -- "$target"; fi`;
}

/**
 * Writes the lines at the top of the init file, where they leave the rest as it is to the byte, whatever its last line
 * ends in. A file that was not there is marked as ours.
 */
export function allowAutoLoad(args: AutoLoadLines): Shell {
  const { home, stack, directory } = args;
  const block = [mark("begin", stack), autoLoadLine(directory), mark("end", stack)];
  const noHome = `gdb is to be allowed the scripts below ${directory}, and the home directory ${home} is not there`;
  return lines(
    sh`[ -d ${home} ] || ${fail(sh`${noHome}`)}`,
    findInitFile(home),
    beginEdit(home),
    sh`if [ -e "$target" ]; then cp -p -- "$target" "$new"; else`,
    sh`  printf '%s\n' ${createdMark} >"$new"; chown --reference=${home} -- "$new"; cp -p -- "$new" "$target"`,
    sh`fi`,
    sh`{ printf '%s\n' ${block}; ${withoutLines(stack)}; } >"$new"`,
    sh`mv -- "$new" "$target"`,
  );
}

/** The lines that gdb finds, and the file in which it finds them. */
export function autoLoadFacts(args: AutoLoadLines): Shell {
  const [begin, end] = [only(mark("begin", args.stack)), only(mark("end", args.stack))];
  const middle = `/${begin}/,/${end}/{/${begin}/d; /${end}/d; p}`;
  return lines(
    findInitFile(args.home),
    sh`printf 'gdb reads: %s\n' "$file"`,
    sh`printf 'its lines: %s\n' "$(sed -n -e ${middle} -- "$file" 2>/dev/null | tr '\n' ' ')"`,
  );
}

/** Takes the lines back out of both files, and removes a file that is ours when no other line is left in it. */
export function revokeAutoLoad(args: AutoLoadLines): Shell {
  const files = [`${args.home}/.gdbinit`, `${args.home}/.config/gdb/gdbinit`];
  return lines(
    sh`for file in ${files}; do`,
    sh`  if [ ! -e "$file" ]; then continue; fi`,
    beginEdit(args.home),
    sh`  if ! grep -qxF -e ${mark("begin", args.stack)} -e ${mark("end", args.stack)} -- "$target"; then continue; fi`,
    sh`  cp -p -- "$target" "$new"`,
    sh`  { ${withoutLines(args.stack)}; } >"$new"`,
    sh`  if [ "$(cat -- "$new")" = ${createdMark} ]; then rm -f -- "$new" "$target"; else`,
    sh`    grep -q '^# duet [^ ]*: begin$' -- "$new" || { sed -e ${`/${only(createdMark)}/d`} -- "$new" >"$new.2"; cat -- "$new.2" >"$new"; rm -f -- "$new.2"; }`,
    sh`    mv -- "$new" "$target"`,
    sh`  fi`,
    sh`done`,
  );
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
