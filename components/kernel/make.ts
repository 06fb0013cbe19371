import { asDeveloper, type Developer } from "../host/developer.ts";
import { type Shell, sh } from "../machine/shell.ts";

export interface BuildScriptArgs {
  readonly developer: Developer;
  /** Absolute path of the sources. */
  readonly source: string;
  /** Absolute path of the build directory. */
  readonly build: string;
  /** Absolute path of ccache's folder. */
  readonly ccache: string;
  /** How many compilers run at once. Defaults to the number of processors. */
  readonly jobs?: number | undefined;
  /** What the release ends with: `+duet-<commit>`. */
  readonly localversion: string;
}

/** What a compiler, a linker or the kernel's modpost says of an error. */
const toolError = "(^|: )(fatal )?error: |undefined reference to |ERROR: modpost: ";
/** What else ends a build: what make says of an error, and what comes before that and is no tool's error. */
const makeError = String.raw`: \*\*\* |: not found|No space left`;

/**
 * Bash that prints the line of the log `$log` in which a tool says what is wrong, rather than the last one, in which make
 * says that something is.
 *
 * @param options of grep, such as "-n"
 */
export function firstError(...options: readonly string[]): Shell {
  const first = (error: string) => sh`grep -m 1 ${options} -E -e ${error} -- "$log"`;
  return sh`${first(toolError)} || ${first(makeError)} || tail -n 1 -- "$log"`;
}

/** The words of make for one kernel: the same source and configuration give the same bytes, whoever builds them. */
export function makeKernel(args: BuildScriptArgs, ...targets: readonly string[]): Shell {
  const { developer, source, build, ccache, localversion } = args;
  return asDeveloper(
    developer,
    sh`CCACHE_DIR=${ccache} KBUILD_BUILD_TIMESTAMP='1970-01-01 00:00:00 UTC' KBUILD_BUILD_VERSION=1 KBUILD_BUILD_USER=duet KBUILD_BUILD_HOST=duet`,
    "make",
    ...["-C", source, `O=${build}`, `LOCALVERSION=${localversion}`, "CC=ccache gcc", "HOSTCC=ccache gcc"],
    ...targets,
  );
}
