import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Absolute path of this project's folder. */
export const project = join(import.meta.dirname, "..");

/** The stack that is meant if none is named and none was selected. */
export const defaultStack = "sandbox";

/** Folder of the Pulumi project that a directory is in, as pulumi itself finds it. */
export function projectOf(directory: string): string | undefined {
  if (existsSync(join(directory, "Pulumi.yaml"))) {
    return directory;
  }
  const parent = dirname(directory);
  return parent === directory ? undefined : projectOf(parent);
}

/** Absolute path of a stack's spec. */
export function specFile(stack: string): string {
  return join(project, "stacks", `Pulumi.${stack}.yaml`);
}

/** The stack that `pulumi stack select` chose in this project. Source: settingsPath in pulumi's pkg/workspace. */
export function selectedStack(pulumiHome: string): string | undefined {
  const hash = createHash("sha1").update(join(project, "Pulumi.yaml")).digest("hex");
  try {
    const { stack } = JSON.parse(readFileSync(join(pulumiHome, "workspaces", `duet-${hash}-workspace.json`), "utf8"));
    return typeof stack === "string" && stack !== "" ? stack : undefined;
  } catch {
    return undefined;
  }
}
