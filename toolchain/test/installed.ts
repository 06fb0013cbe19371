import { readFileSync } from "node:fs";
import { join } from "node:path";
import { installToolchain } from "../install.ts";

/** The Pulumi that is installed; it is installed if it is not. */
export const toolchain = await installToolchain(process.env);

/** The command plugin under test: the one that is installed, or the one that PULUMI_RESOURCE_COMMAND names. */
export const commandPlugin =
  process.env.PULUMI_RESOURCE_COMMAND ??
  join(toolchain.home, "plugins/resource-command-v1.2.1/pulumi-resource-command");

/** Whether that is the stand-in, whose Go package is in its build information. */
export const isStandIn = readFileSync(commandPlugin).includes("duet.local/pulumi/resource-command");
