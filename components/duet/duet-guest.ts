import type * as pulumi from "@pulumi/pulumi";
import type { Machine } from "../machine/machine.ts";

/** A guest that gets module and tools. */
export interface DuetGuest {
  /** Its name in the spec, unique in the stack. */
  readonly name: string;
  readonly machine: Machine;
  /** What must be there first: the mount, the packages, the kernel that runs. */
  readonly dependsOn: readonly pulumi.Resource[];
}
