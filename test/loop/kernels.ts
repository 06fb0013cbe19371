import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sh } from "../../components/index.ts";
import { checkAll, demand } from "../e2e/checks.ts";
import { kernel, shared, type TestStack } from "../e2e/stack.ts";
import type { Case } from "../field/campaign.ts";
import { change, one } from "../field/case.ts";

const two = { ...one, name: "two" };
/** Only its lists are checked, by functions that the other one has not. */
const checked = { ...kernel, config: ["CONFIG_DEBUG_LIST=y"] };
const both = {
  "duet:kernel": undefined,
  "duet:kernels": { plain: kernel, checked: { ...checked, boot: "direct" } },
  "duet:vms": [
    { ...one, kernel: "plain" },
    { ...two, kernel: "checked" },
  ],
} as const;

const checks = (stack: TestStack, guest: string) =>
  stack.guest(guest, sh`grep -c ' __list_add_valid' /proc/kallsyms || true`);
const loaded = (stack: TestStack, guest: string) => stack.guest(guest, sh`modinfo -F loop duet`);

export const kernelCases: readonly Case[] = [
  {
    about: "kernels",
    name: "two kernels in two guests, each with its object of the module, gdb at both, and a guest that goes over",
    run: async (stack, say) => {
      await change(stack, both);
      demand("whether the first one's kernel checks lists", await checks(stack, "one"), "0");
      demand("whether the second one's does", await checks(stack, "two"), /^[1-9]/);
      await checkAll(stack);
      await stack.stays();
      const file = join(shared, "duet-module/main.c");
      const original = readFileSync(file, "utf8");
      try {
        appendFileSync(file, '\nMODULE_INFO(loop, "both");\n');
        const { seconds } = await stack.run("up");
        say(`an edit of the module is in both ${seconds.toFixed(1)} s after up was typed`);
        demand("what the first one has", await loaded(stack, "one"), "both");
        demand("what the second one has", await loaded(stack, "two"), "both");
      } finally {
        writeFileSync(file, original);
      }
      // The edit that took it back is no drift of the spec's change.
      await stack.run("up");
      await change(stack, {
        ...both,
        "duet:vms": [
          { ...one, kernel: "checked" },
          { ...two, kernel: "plain" },
        ],
      });
      demand("whether the first one's kernel checks lists now", await checks(stack, "one"), /^[1-9]/);
      demand("whether the second one's does", await checks(stack, "two"), "0");
      await checkAll(stack);
    },
  },
];
