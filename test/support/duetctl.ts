/** duetctl as a process, at a stack that is nothing but its state, with a libvirt and guests that say what they are told. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { project } from "../../launcher/project.ts";
import { writeProgram } from "./run-script.ts";
import { accessIn, type StandingStackArgs, standIn } from "./standing-stack.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** Home of who types. */
export let home: string;
/** Makes one for the test that is about to run. */
export function beginHome(): void {
  home = temporaryFolder("duetctl-");
}

/** Types words. */
export function duetctl(words: readonly string[], environment: NodeJS.ProcessEnv = {}, uid?: number) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(project, "ctl/duetctl.ts"), ...words], {
    encoding: "utf8",
    timeout: 30_000,
    ...(uid === undefined ? {} : { uid, gid: uid }),
    env: {
      PATH: `${home}/bin:${process.env.PATH}`,
      HOME: home,
      XDG_STATE_HOME: join(home, "state"),
      XDG_CACHE_HOME: join(home, "cache"),
      DUET_SHARED: join(home, "shared"),
      ...environment,
    },
  });
  return { status, stdout, stderr };
}

/** {@link accessIn}, in that home. */
export const access = (name: string, address: string, stub: string) => accessIn(home, name, address, stub);

/** {@link standIn}, in that home. */
export const stand = (name: string, guests: readonly ReturnType<typeof access>[], args?: StandingStackArgs) =>
  standIn(home, name, guests, args);

/** A stack with two guests, of which the second one does not answer, and has a debugger attached. */
export function standTwo(): void {
  writeProgram(join(home, "bin/ip"), 'shift 3; exec "$@"');
  writeProgram(join(home, "bin/virsh"), "printf ' %s  %s  %s\\n' 1 one running - two 'shut off'");
  writeProgram(
    join(home, "bin/ss"),
    `case "$*" in *established*:1235*) echo 'ESTAB 0 0 1:1 1:1235 users:(("gdb",pid=77,fd=3))';; esac`,
  );
  // It takes the options of ssh as they come, and the script on its standard input.
  writeProgram(
    join(home, "bin/guest"),
    `case "$*" in
*"bash -s") grep -q '^module=duet_x$' || exit 9; [ "$1" = one ] || exec sleep 60; printf '6.1.1+duet\\n9427da293c5b8116\\n' ;;
*) printf '%s|' "$@"; exit 7 ;;
esac`,
  );
  stand("dev", [access("one", "10.0.0.10", "127.0.0.1:1234"), access("two", "10.0.0.11", "127.0.0.1:1235")]);
}
