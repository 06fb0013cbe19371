import { sh } from "../../components/index.ts";
import { demand } from "../e2e/checks.ts";
import { problem } from "../e2e/pulumi-output.ts";
import type { TestStack } from "../e2e/stack.ts";
import { breakKernel, hangs, mendKernel, panics } from "../faults/kernel.ts";
import type { Case } from "../field/campaign.ts";
import { bootOf, change, one } from "../field/case.ts";

const direct = { "duet:vms": [{ ...one, boot: "direct" }] } as const;

const commandLine = (stack: TestStack) => stack.guest("one", sh`cat /proc/cmdline`);
const ownKernel = async (stack: TestStack) =>
  /<kernel>(.*)<\/kernel>/.exec(await stack.virsh("dumpxml", "--inactive", "one"))?.[1] ?? "none";

export const directCases: readonly Case[] = [
  {
    about: "direct boot",
    name: "a guest boots its kernel directly, boots so by itself, and goes back to its package",
    run: async (stack) => {
      await change(stack, direct);
      demand("its command line", await commandLine(stack), /^root=PARTUUID=.* nokaslr /);
      const before = await bootOf(stack, "one");
      await stack.guestAnew("one", sh`systemctl reboot`).catch(() => {});
      await stack.awaitGuest("one", "boot again", sh`grep -v ${before} /proc/sys/kernel/random/boot_id`, 300);
      demand("its command line after a reboot", await commandLine(stack), /^root=PARTUUID=/);
      await stack.run("up");
      await stack.stays();
      await change(stack, {});
      demand("its command line from its package", await commandLine(stack), /^BOOT_IMAGE=/);
      demand("the kernel of its domain", await ownKernel(stack), "none");
      const volumes = await stack.virsh("vol-list", "--pool", `duet-${stack.name}`);
      demand("what the pool has", String(volumes.includes("-kernel")), "false");
    },
  },
  ...Object.entries({ panics, hangs }).map(
    ([what, statement]): Case => ({
      about: "direct boot",
      name: `a kernel that ${what} at boot gives way to the one before it`,
      run: async (stack) => {
        await change(stack, direct);
        const [kernel, release] = [await ownKernel(stack), await stack.guest("one", sh`uname -r`)];
        try {
          await breakKernel(stack, statement);
          const { code, output } = await stack.attempt("up");
          demand("whether up succeeds", String(code === 0), "false");
          demand("what up says", problem(output), /cannot run kernel \S+ in one: .*one is back in its old kernel/);
          demand("the kernel that runs", await stack.guestAnew("one", sh`uname -r`, 60), release);
          demand("the kernel of its domain", await ownKernel(stack), kernel);
        } finally {
          await mendKernel(stack);
        }
        await stack.run("up");
        await stack.stays();
      },
    }),
  ),
];
