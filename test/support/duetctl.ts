/** duetctl as a process, at a stack that is nothing but its state, with a libvirt and guests that say what they are told. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sh } from "../../components/machine/shell.ts";
import { project } from "../../launcher/project.ts";
import { writeProgram } from "./run-script.ts";
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

/** How to work with a guest, as the state has it. */
export const access = (name: string, address: string, stub: string) => ({
  name,
  address,
  stub,
  gdbPort: 1234,
  kernelRelease: "6.1.1+duet",
  sshCommand: sh`${join(home, "bin/guest")} ${name}`.shell,
  gdbCommand: sh`echo ${["gdb of", name]}`.shell,
});

/**
 * A stack of the embedded host that is its state and its own copy of the spec.
 *
 * @param backend folder of a file backend, for a stack of somebody's own
 */
export function stand(name: string, guests: readonly ReturnType<typeof access>[], backend?: string): void {
  const state = join(home, "state/duet");
  const stacks = join(backend ?? join(state, "pulumi"), ".pulumi/stacks/duet");
  const resource = (type: string, own: string, outputs: unknown) => ({
    urn: `urn:pulumi:${name}::duet::${type}::${own}`,
    type,
    outputs,
  });
  const resources = [
    resource("pulumi:pulumi:Stack", `duet-${name}`, { vms: guests, workspace: "/w/dev.code-workspace" }),
    resource("duet:kernel:KernelBuild", "kernel", { release: "6.1.1+duet", buildId: "79e28f73bfb87c66" }),
    resource("command:local:Command", "module-build", { stdout: "build-id: 9427da293c5b8116" }),
  ];
  mkdirSync(stacks, { recursive: true });
  writeFileSync(join(stacks, `${name}.json`), JSON.stringify({ checkpoint: { latest: { resources } } }));
  mkdirSync(join(state, "stacks", name), { recursive: true });
  writeFileSync(
    join(state, "stacks", name, `Pulumi.${name}.yaml`),
    `config:\n  duet:host: { sandbox: ${backend === undefined} }\n  duet:sources: { directory: ${home}/sources }\n  duet:module: { name: duet-x }\n` +
      `  duet:vms: [${guests.map((guest) => `{ name: ${guest.name} }`).join(", ")}]\n`,
  );
  mkdirSync(join(state, "sandbox/log/qemu"), { recursive: true });
  for (const guest of guests) {
    writeFileSync(join(state, `sandbox/log/qemu/${guest.name}-console.log`), `console of ${guest.name}\nlogin:\n`);
  }
}

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
