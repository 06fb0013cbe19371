import { type Shell, sh } from "../machine/shell.ts";

/** Where Debian's package of flamegraph.pl has it. */
export const flameGraphProgram = "/usr/share/perl5/Devel/NYTProf/flamegraph.pl";

/** What prints the call paths that perf has recorded, in a guest: a line each, with how many there are of it. */
export function foldedPaths(data: string): Shell {
  const report = sh`perf report -i ${data} --stdio --no-children --no-inline -g folded,0,caller,count -s comm`;
  return sh`${report} | awk '/^ / { comm = $2 } /^[0-9]/ { print comm ";" $2, $1 }'`;
}

/**
 * Words that draw them, on the host: an SVG on standard output.
 *
 * @param counted what there is a number of: "samples", "events"
 */
export function drawing(title: string, counted: string): readonly string[] {
  return ["perl", flameGraphProgram, "--countname", counted, "--width", "1000", "--title", title];
}
