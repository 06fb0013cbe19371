import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { gdbWords } from "../gdb/session.ts";
import type { VirtualMachine } from "../guest/virtual-machine.ts";
import type { Host } from "../host/host.ts";
import { script, scriptText } from "../machine/script.ts";
import { sh } from "../machine/shell.ts";
import { drgnNote } from "../names.ts";
import type { Spec } from "../spec.ts";

/** Of what crashes are written down. */
export interface CrashReportsArgs {
  /** The host of the guests. */
  readonly host: Host;
  /** What the stack was asked to be: it is part of each report, and `host.crashes` says what is kept. */
  readonly spec: Spec;
  /** Absolute paths of the sources of what runs in its guests. */
  readonly trees: readonly string[];
}

const beside = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8");

/** With what dumps are read, and by which sums it is known. */
const requirements = beside("requirements.txt");
const version = /==([\d.]+)/.exec(requirements)?.[1];
/** What drgn runs, and what makes a page of a report. */
const program = beside("crash.py");
const page = beside("html.awk");
/** What makes a dump one for gdb. */
const coreProgram = beside("core.py");

/**
 * What a crash of a guest is written down by: each guest is watched, and before anything resets it there is a dump of its
 * memory, and a report with the place in the sources, the stack and its variables.
 *
 * Source: drgn.readthedocs.io; virsh(1), dump. Errors: a watcher that ends at once. Without drgn a report has what the
 * console said.
 */
export class CrashReports extends pulumi.ComponentResource {
  readonly #args: CrashReportsArgs;
  readonly #drgn: string;
  readonly #brought: pulumi.Resource;

  constructor(name: string, args: CrashReportsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:crash:CrashReports", name, {}, opts);
    this.#args = args;
    const { host } = args;
    this.#drgn = `${host.cache}/drgn/${version}`;
    const step = host.step(
      "drgn",
      {
        title: "bring drgn, which reads dumps",
        script: script(import.meta.url, "drgn.sh", {
          drgn: this.#drgn,
          python: "/usr/bin/python3",
          requirements,
          noted: `${host.stateFolder}/${drgnNote}`,
          fetch_namespace: host.fetchNamespace,
        }),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    this.#brought = step.resource;
    this.registerOutputs({});
  }

  /**
   * Has a guest watched.
   *
   * @returns after what it is
   */
  watch(guest: VirtualMachine): pulumi.Resource {
    const { host, spec, trees } = this.#args;
    const { crashes } = spec.host;
    const values = {
      uri: host.uri,
      guest: guest.name,
      console: guest.consoleLog,
      ...guest.symbols,
      ...host.developer,
      watch: guest.crashes.watch,
      reports: guest.crashes.reports,
      after: crashes.after,
      dumps: crashes.dumps,
      space: crashes.space,
      drgn: this.#drgn,
      program,
      core_program: coreProgram,
      gdb_program: `#!/bin/bash\n${scriptText(import.meta.url, "gdb.sh", { drgn: this.#drgn })}`,
      page,
      spec: JSON.stringify(spec, undefined, 2),
      trees,
      gdb: sh`${gdbWords(guest)}`.shell,
    };
    // The kernel knows a script that names its interpreter by its own name.
    const text = script(import.meta.url, "watch.sh", values).apply((text) => `#!/bin/bash\n${text}`);
    const service = host.root.step(
      `${guest.id}-crashes`,
      {
        title: `watch ${guest.name} for crashes`,
        script: script(import.meta.url, "watch-service.sh", {
          guest: guest.name,
          ...guest.crashes,
          text,
          // The embedded host has processes of its own.
          unit: host.isShared ? `duet-watch-${guest.name}` : "",
          asked_for: crashes.directory,
        }),
      },
      { parent: this, dependsOn: [guest.booted, this.#brought] },
    );
    const name = `${guest.id}-crash-settings`;
    const settings = { title: "have a crash stop the guest", script: script(import.meta.url, "settings.sh", {}) };
    guest.step(name, settings, { parent: this });
    return service.resource;
  }
}
