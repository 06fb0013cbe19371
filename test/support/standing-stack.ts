/** A stack that is nothing but its state, for tests of what is said of it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FactsReader } from "../../components/machine/facts.ts";
import { sh } from "../../components/machine/shell.ts";

/** How to work with a guest of it: by the program `guest`, which the test writes. */
export const accessIn = (home: string, name: string, address: string, stub: string) => ({
  name,
  address,
  stub,
  gdbPort: 1234,
  kernelRelease: "6.1.1+duet",
  sshCommand: sh`${join(home, "bin/guest")} ${name}`.shell,
  gdbCommand: sh`echo ${["gdb of", name]}`.shell,
});

/** What else is in its state. */
export interface StandingStackArgs {
  /** Folder of a file backend, for a stack of somebody's own. Defaults to that of the embedded host. */
  readonly backend?: string;
  /** Its machines, and how they are asked for their facts. Defaults to none. */
  readonly machines?: Readonly<Record<string, FactsReader>>;
}

/**
 * Writes the state of a stack, and its own copy of the spec.
 *
 * @param home folder in which `state` is that of the test
 */
export function standIn(
  home: string,
  name: string,
  guests: readonly ReturnType<typeof accessIn>[],
  { backend, machines = {} }: StandingStackArgs = {},
): void {
  const state = join(home, "state/duet");
  const stacks = join(backend ?? join(state, "pulumi"), ".pulumi/stacks/duet");
  const resource = (type: string, own: string, outputs: unknown, inputs?: unknown) => ({
    urn: `urn:pulumi:${name}::duet::${type}::${own}`,
    type,
    inputs,
    outputs,
  });
  const resources = [
    resource("pulumi:pulumi:Stack", `duet-${name}`, { vms: guests, workspace: "/w/dev.code-workspace" }),
    resource("duet:host:NfsExport", "nfs-export", { mountSource: `10.0.0.1:${home}/sources` }),
    resource("duet:kernel:KernelBuild", "kernel", { release: "6.1.1+duet", buildId: "79e28f73bfb87c66" }),
    resource("command:local:Command", "module-build", { stdout: "build-id: 9427da293c5b8116" }),
    ...Object.entries(machines).map(([own, reader]) => resource("duet:machine:Facts", own, {}, { reader })),
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
