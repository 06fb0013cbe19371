/**
 * Two kernels compared. A stack may have several kernels, and has one commit of the module: where each kernel needs its
 * own, this is one program for two stacks, which stand side by side on a host. Bring both up, and compare what is measured in their guests:
 *
 *     pulumi up --stack before && pulumi up --stack after
 *     pulumi stack output vms --stack before
 */
import * as pulumi from "@pulumi/pulumi";
import { DuetEnvironment, onThisMachine } from "duet-environment";

/** Linux 4.6 and 4.12, each with a commit of the module that fits it. */
const kernels: Readonly<Record<string, { readonly kernel: string; readonly module: string }>> = {
  before: { kernel: "tracepoints", module: "6e3f2618f57e" },
  after: {
    kernel: "d39cd62f7d815c6c762a07b9cb8192a8423dcc14",
    module: "61cd831347733ac8f608ab90461dba63b24d8883",
  },
};

const stack = pulumi.getStack();
const commits = kernels[stack];
if (commits === undefined) {
  throw new pulumi.RunError(
    `cannot tell which kernel stack ${stack} is for; call it ${Object.keys(kernels).join(" or ")}`,
  );
}

const environment = new DuetEnvironment(
  "duet",
  onThisMachine({
    sources: {
      // A folder each: a tree has one commit at a time.
      directory: `/media/data/duet-${stack}`,
      kernel: { git: "https://github.com/gamvrosi/duet-kernel.git", branch: commits.kernel },
      module: { git: "https://github.com/gamvrosi/duet-module.git", branch: commits.module },
      tools: { git: "https://github.com/gamvrosi/duet-tools.git" },
    },
    kernel: { toolchain: { suite: "stretch", mirror: "https://archive.debian.org/debian" } },
    vms: [{ name: `duet-${stack}` }],
  }),
);

/** The guest, with the release of its kernel and how to get in. */
export const vms = environment.vms;
