import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/host.ts";
import { script } from "../machine/script.ts";

/** Where gdb may load scripts by itself. */
export interface AutoLoadArgs {
  /** The host on which gdb runs. */
  readonly host: Host;
  /** Absolute path of the directory below which gdb may load scripts by itself. */
  readonly directory: string;
}

/**
 * Allows gdb to load the kernel's own gdb scripts, which it refuses outside of known directories.
 *
 * Source: guide, step 11. Owns the lines between its stack's marks in the init file that gdb reads, and no other.
 */
export class AutoLoad extends pulumi.ComponentResource {
  /** @throws if the path would say more to gdb than a path: gdb takes the whole line, and ":" parts several paths. */
  constructor(name: string, { host, directory }: AutoLoadArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:gdb:AutoLoad", name, {}, { ...opts, aliases: [{ type: "duet:host:GdbAccess" }] });
    if (!directory.startsWith("/") || /[\s:$"'\\]/.test(directory)) {
      throw new Error(
        `cannot let gdb load scripts below ${JSON.stringify(directory)}: it takes no such path; ` +
          "use an absolute one without spaces, quotes, colons and dollars",
      );
    }
    host.step(
      name,
      {
        title: `let gdb load scripts below ${directory}`,
        script: script(import.meta.url, "auto-load.sh", { home: host.home, stack: host.stack, directory }),
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
