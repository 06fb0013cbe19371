import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { script } from "../machine/script.ts";
import type { VirtualMachine } from "./virtual-machine.ts";

/** What is kept, and what makes it another one. */
export interface SnapshotArgs {
  /** The guest. */
  readonly guest: VirtualMachine;
  /** What comes into the guest, as far as that is known before any of it does: commits, hashes, names. */
  readonly of: pulumi.Input<unknown>;
}

const hashOf = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);

/**
 * A guest as it was proven, with its memory and its disk, to which it goes back when it has panicked or hangs. From its
 * declaration on all steps in the guest wait until the last one is forgotten, if any of them is to run.
 *
 * Source: virsh(1), snapshot-create.
 */
export class Snapshot extends pulumi.ComponentResource {
  readonly #guest: VirtualMachine;
  readonly #name: string;
  readonly #of: pulumi.Output<unknown>;

  constructor(name: string, { guest, of }: SnapshotArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:guest:Snapshot", name, {}, opts);
    this.#guest = guest;
    this.#name = name;
    this.#of = pulumi.output(of);
    const state = pulumi.all([this.#of, guest.state.drift]).apply(hashOf);
    const step = guest.host.step(
      `${name}-void`,
      {
        title: `forget how ${guest.name} was proven`,
        script: script(import.meta.url, "snapshot-void.sh", { ...guest.definition, state }),
      },
      { parent: this, dependsOn: [guest.booted] },
    );
    guest.holdBack(step.resource);
    this.registerOutputs({});
  }

  /** Keeps the guest as it is then. @param dependsOn what has proven it, and all else that is done in it */
  take(dependsOn: readonly pulumi.Resource[]): void {
    const guest = this.#guest;
    const state = pulumi.all([this.#of, guest.state.inputs, guest.state.drift]).apply(hashOf);
    guest.host.step(
      `${this.#name}-take`,
      {
        title: `keep ${guest.name} as it was proven`,
        script: script(import.meta.url, "snapshot.sh", { ...guest.definition, stub: guest.stub, state }),
      },
      { parent: this, dependsOn: [...dependsOn] },
    );
  }
}
