import * as pulumi from "@pulumi/pulumi";
import type { VirtualMachine } from "../guest/virtual-machine.ts";
import { script } from "../machine/script.ts";
import type { Step } from "../machine/step.ts";
import type { SourceTree } from "../sources/source-tree.ts";

/** What the tools are built from. */
export interface DuetToolsArgs {
  /**
   * The tools' sources, at a path that the host and every guest share: the Makefile is in `duet-progs`. A dummy task may
   * be beside, in `dummy_task`.
   */
  readonly source: SourceTree;
}

/**
 * libduet, the command `duet` and the dummy task: built once, in the first guest into which they are installed, at the
 * shared path; installed under /usr/local in each.
 *
 * Source: guide, step 14. Errors: the compiler's first one; a library that the linker does not find; what
 * `duet status report` says if it does not reach the module.
 */
export class DuetTools extends pulumi.ComponentResource {
  readonly #source: SourceTree;
  readonly #name: string;
  #built: Step | undefined;

  constructor(name: string, { source }: DuetToolsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:duet:DuetTools", name, {}, opts);
    this.#source = source;
    this.#name = name;
    this.registerOutputs({});
  }

  /**
   * Builds the tools, unless that was asked for before, and installs them in a guest.
   *
   * @param opts what has to be there first: the mount, and the loaded module, which the check of the tools asks
   */
  installIn(guest: VirtualMachine, opts: pulumi.CustomResourceOptions): pulumi.Resource {
    const built = this.#build(guest, opts);
    const dependsOn = pulumi.output(opts.dependsOn).apply((others) => [others ?? [], built.resource].flat());
    return guest.step(
      `${this.#name}-${guest.id}`,
      {
        title: "install the tools",
        script: script(import.meta.url, "tools-install.sh", {
          ...guest.host.developer,
          programs: this.#programs,
          tasks: this.#tasks,
          built: built.result("tools"),
        }),
      },
      { ...opts, parent: this, dependsOn },
    ).resource;
  }

  get #programs(): string {
    return `${this.#source.tree}/duet-progs`;
  }

  /** The folder of the dummy task, if the repository has it beside the tools. */
  get #tasks(): string {
    return `${this.#source.tree}/dummy_task`;
  }

  #build(guest: VirtualMachine, opts: pulumi.CustomResourceOptions): Step {
    this.#built ??= guest.step(
      `${this.#name}-build`,
      {
        title: "build the tools",
        script: script(import.meta.url, "tools-build.sh", {
          ...guest.host.developer,
          ...this.#source.toMake,
          programs: this.#programs,
          tasks: this.#tasks,
        }),
      },
      { ...opts, parent: this },
    );
    return this.#built;
  }
}
