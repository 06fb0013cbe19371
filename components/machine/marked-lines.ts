import { fail } from "./result.ts";
import { lines, type Shell, sh } from "./shell.ts";

/** Lines of ours in a file that others edit too, such as /etc/fstab. */
export interface MarkedLines {
  /** Absolute path of the file, or bash that is one word and becomes it. */
  readonly file: string | Shell;
  /** Whose lines they are: the name of a stack. */
  readonly owner: string;
}

/**
 * The line before, or after, what belongs to an owner.
 *
 * @throws where the owner is no plain name: a mark has to be found again.
 */
function mark(edge: "begin" | "end", owner: string): string {
  if (!/^[\w.-]+$/.test(owner)) {
    throw new Error(`lines are to be marked for ${JSON.stringify(owner)}, which is no name of a stack`);
  }
  return `# duet: ${edge} ${owner}`;
}

/** The line by which a file that was not there is known, so that it can go again. */
const made = "# duet: made this file";

/** A line as a regular expression of sed that matches just this line. */
function only(line: string): string {
  return `^${line.replaceAll(".", "\\.")}$`;
}

/** Sets `target` to the file behind symbolic links, and keeps others that edit this way out until the script ends. */
function open({ file }: MarkedLines): Shell {
  return lines(
    sh`target=$(readlink -m -- ${file})`,
    sh`exec 9<"$(dirname -- "$target")"`,
    sh`flock -w 60 9 || ${fail(sh`${file}' is to be edited, and another edit of it has been under way for 60 s'`)}`,
  );
}

/** Prints the file without the owner's lines: what is between the marks, or a mark alone whose other one is gone. */
function without({ owner }: MarkedLines): Shell {
  const [begin, end] = [mark("begin", owner), mark("end", owner)];
  return sh`if grep -qxF -e ${begin} -- "$target" && grep -qxF -e ${end} -- "$target"; then
  sed -e ${`/${only(begin)}/,/${only(end)}/d`} -- "$target"
else
  sed -e ${`/${only(begin)}/d; /${only(end)}/d`} -- "$target"
fi`;
}

/**
 * Puts the owner's lines, and no others of that owner, at the top of the file. There they leave the rest as it is to
 * the byte, whatever its last line ends in. The file is replaced at once, with its permissions and owner kept; one that
 * was not there belongs to whoever owns its folder, and is marked as ours.
 */
export function putLines(marked: MarkedLines, content: readonly string[]): Shell {
  const block = [mark("begin", marked.owner), ...content, mark("end", marked.owner)];
  return lines(
    sh`(`,
    open(marked),
    sh`if [ ! -e "$target" ]; then`,
    sh`printf '%s\n' ${made} >"$target.duet-new"; chown --reference="$(dirname -- "$target")" -- "$target.duet-new"`,
    sh`mv -- "$target.duet-new" "$target"`,
    sh`fi`,
    sh`cp -p -- "$target" "$target.duet-new"`,
    sh`{ printf '%s\n' ${block}; ${without(marked)}`,
    sh`} >"$target.duet-new"`,
    sh`if cmp -s -- "$target" "$target.duet-new"; then rm -- "$target.duet-new"; else mv -- "$target.duet-new" "$target"; fi`,
    sh`)`,
  );
}

/**
 * Takes the owner's lines out of the file again; does nothing where there are none. A file that is ours goes with its
 * last line, or becomes its user's with the last owner.
 */
export function dropLines(marked: MarkedLines): Shell {
  const [begin, end] = [mark("begin", marked.owner), mark("end", marked.owner)];
  return lines(
    sh`(`,
    sh`[ -e ${marked.file} ] || exit 0`,
    open(marked),
    sh`grep -sqxF -e ${begin} -e ${end} -- "$target" || exit 0`,
    sh`cp -p -- "$target" "$target.duet-new"`,
    sh`{ ${without(marked)}`,
    sh`} >"$target.duet-new"`,
    sh`if [ "$(cat -- "$target.duet-new")" = ${made} ]; then rm -- "$target.duet-new" "$target"; exit 0; fi`,
    sh`grep -q '^# duet: begin ' -- "$target.duet-new" || sed -i -e ${`/${only(made)}/d`} -- "$target.duet-new"`,
    sh`mv -- "$target.duet-new" "$target"`,
    sh`)`,
  );
}

/** Prints the owner's lines, joined by spaces, as the fact `WHAT: …`, one word of bash. Defaults to `lines in FILE`. */
export function lineFacts({ file, owner }: MarkedLines, what = sh`'lines in '${file}`): Shell {
  const [begin, end] = [mark("begin", owner), mark("end", owner)];
  return sh`within= found=
while IFS= read -r line; do
  case $line in
    ${begin}) within=yes ;;
    ${end}) within= ;;
    *) if [ -n "$within" ]; then found="$found$line "; fi ;;
  esac
done <${file}
printf '%s: %s\n' ${what} "$found"`;
}
