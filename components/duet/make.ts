import { asDeveloper, type Developer } from "../host/developer.ts";
import { firstError } from "../kernel/make.ts";
import { fail } from "../machine/result.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";

/** Seconds that a build waits for another one's turn. */
const turnLimit = 1800;
/** Seconds after which a build of the module or the tools is given up: minutes of work, under TCG, at most. */
const buildLimit = 1800;

/**
 * Perl that locks a file and becomes a command, which holds the lock with all that it starts. A guest's locks reach the
 * server as those of fcntl(2), which flock(1) on the host neither takes nor sees; this is the same kind on both sides.
 * Arguments: seconds to wait, the file, the command.
 *
 * Source: fcntl(2), "Open file description locks"; the constant is F_OFD_SETLKW.
 */
const holdTurn = `use Fcntl qw(F_WRLCK SEEK_SET);
($seconds, $file) = splice @ARGV, 0, 2;
$^F = 255;
open TURN, "+<", $file or die "$file: $!\n";
$lock = pack "s s x4 q q i x4", F_WRLCK, SEEK_SET, 0, 0, 0;
alarm $seconds;
fcntl TURN, 38, $lock or die "$file: $!\n";
alarm 0;
exec @ARGV or die "$ARGV[0]: $!\n";`;

/**
 * Makes the machine see the sources as they are on the host now. Over NFS a file's times come from memory for up to a
 * minute, and make looks at nothing but times; opening a file asks the server.
 *
 * Source: nfs(5), "Close-to-open cache consistency".
 */
export function freshSources(developer: Developer, ...paths: readonly string[]): Shell {
  const sources = [
    "(",
    "-name",
    "*.[chS]",
    "-o",
    "-name",
    "Makefile*",
    "-o",
    "-name",
    "Kbuild*",
    "-o",
    "-name",
    "*.sh",
  ];
  const configuration = ["-o", "-name", "auto.conf", "-o", "-name", "Module.symvers", ")"];
  const open = ["-exec", "head", "-qc0", "--", "{}", "+"];
  const find = asDeveloper(developer, "find", ...[...paths, "-type", "f", ...sources, ...configuration, ...open]);
  return sh`${find} 2>/dev/null || :`;
}

/**
 * Runs make as the developer, one at a time of those that guests and the host run there. Its lines stream to standard
 * error; when it fails, the first error is the last line.
 *
 * @param what what is built, in the words of a message: "module duet"
 * @param turn absolute path of a file of the developer's: whoever has it locked is building
 * @param words the arguments of make
 */
export function makeAsDeveloper(
  developer: Developer,
  what: string,
  turn: string,
  ...words: readonly (string | number | Shell)[]
): Shell {
  const make = asDeveloper(
    developer,
    ...["perl", "-e", holdTurn, turnLimit, turn],
    ...["env", "LC_ALL=C", "timeout", "-k", 10, buildLimit, "make"],
    sh`"-j$(nproc)"`,
    ...words,
  );
  return lines(
    sh`log=$(mktemp); trap 'rm -f -- "$log"' EXIT`,
    sh`if ! { ${make} </dev/null 2>&1 | tee -- "$log" >&2; }; then`,
    sh`  why=$(${firstError()})`,
    sh`  [ -n "$why" ] || why=${`make printed nothing within ${buildLimit} s, or had to wait ${turnLimit} s for another one`}`,
    sh`  ${fail(sh`${`${what} was to be built, and is not: `}"$why"`)}`,
    sh`fi`,
  );
}
