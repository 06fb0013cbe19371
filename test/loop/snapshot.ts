import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sh } from "../../components/index.ts";
import { libvirtName } from "../../components/names.ts";
import { demand } from "../e2e/checks.ts";
import { panic } from "../e2e/panic.ts";
import { shared } from "../e2e/stack.ts";
import type { Case } from "../field/campaign.ts";
import { bootOf, change, one } from "../field/case.ts";

const kept = { "duet:vms": [{ ...one, snapshot: true }] } as const;

export const snapshotCases: readonly Case[] = [
  {
    about: "snapshot",
    name: "a guest that has panicked is back as it was proven, with the module of now, and one that was off boots",
    run: async (stack, say) => {
      await change(stack, kept);
      const boot = await bootOf(stack, "one");
      const file = join(shared, "duet-module/main.c");
      const original = readFileSync(file, "utf8");
      try {
        appendFileSync(file, '\nMODULE_INFO(loop, "kept");\n');
        await stack.run("up");
        await stack.guest("one", sh`touch /root/lost; sync`);
        await panic(stack, "one");
        const { output, seconds } = await stack.run("up");
        say(`back and proven ${seconds.toFixed(1)} s after up was typed`);
        demand("what up says", output, /one goes back to how it was proven/);
        demand("its boot", await bootOf(stack, "one"), boot);
        demand("what it has", await stack.guest("one", sh`modinfo -F loop duet; ls /root`), "kept");
        const [here, there] = [Date.now() / 1000, Number(await stack.guest("one", sh`date +%s`))];
        demand("whether its clock is right", String(Math.abs(here - there) < 30), "true");
        await stack.stays();
      } finally {
        writeFileSync(file, original);
      }
      await stack.run("up");
      await stack.virsh("destroy", "one");
      await stack.run("up");
      demand("whether it has booted", String((await bootOf(stack, "one")) !== boot), "true");
    },
  },
  {
    about: "snapshot",
    name: "a guest boots if what was kept of it is damaged, and is kept anew",
    run: async (stack) => {
      await change(stack, kept);
      await panic(stack, "one");
      await stack.virsh("destroy", "one");
      const disk = await stack.virsh("vol-path", "--pool", libvirtName(stack.name), "one.qcow2");
      await stack.host(sh`qemu-img snapshot -d duet-proven ${disk}`);
      // As it was: up finds a guest that has panicked.
      await stack.virsh("start", "one");
      await stack.awaitGuest("one", "boot", sh`true`, 300);
      await panic(stack, "one");
      const { output } = await stack.run("up");
      demand("what up says", output, /one cannot go back to how it was proven: .*; it boots/);
      await stack.run("up");
      await stack.stays();
      demand("what is kept", await stack.host(sh`qemu-img snapshot -l -U ${disk}`), / duet-proven /);
    },
  },
];
