import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { installToolchain } from "../install.ts";

/** The Pulumi that is installed; it is installed if it is not. */
export const toolchain = await installToolchain(process.env);

/** The command plugin under test: the one that is installed, or the one that PULUMI_RESOURCE_COMMAND names. */
export const commandPlugin =
  process.env.PULUMI_RESOURCE_COMMAND ??
  join(toolchain.home, "plugins/resource-command-v1.2.1/pulumi-resource-command");

/** The version under which it was installed. A plugin that stands anywhere else may tell any: its build decides. */
export const installedVersion = /^resource-command-v(.+)$/.exec(basename(dirname(commandPlugin)))?.[1];

/** Whether that is the stand-in, whose Go package is in its build information. */
export const isStandIn = readFileSync(commandPlugin).includes("duet.local/pulumi/resource-command");

console.log(`the command plugin that is seen: ${isStandIn ? "the stand-in" : "a released one"}, ${commandPlugin}`);
