/** One guest: a plain object in the place of a stack's file. */
import { DuetEnvironment, onThisMachine } from "duet-environment";

const environment = new DuetEnvironment(
  "duet",
  onThisMachine({
    sources: {
      directory: "/media/data/duet",
      // Commits that fit together, and a compiler of their time.
      kernel: {
        git: "https://github.com/gamvrosi/duet-kernel.git",
        branch: "d39cd62f7d815c6c762a07b9cb8192a8423dcc14",
      },
      module: {
        git: "https://github.com/gamvrosi/duet-module.git",
        branch: "61cd831347733ac8f608ab90461dba63b24d8883",
      },
      tools: {
        git: "https://github.com/gamvrosi/duet-tools.git",
        branch: "2b993bcc69a31d80e20216b2544e32fd28f27476",
      },
    },
    kernel: { toolchain: { suite: "stretch", mirror: "https://archive.debian.org/debian" } },
    vms: [{ name: "duetdev", memory: 1024, vcpus: 2 }],
  }),
);

/** How to get in: sshCommand and gdbCommand of the guest, and more. */
export const vms = environment.vms;
