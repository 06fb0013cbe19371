import { setTimeout as sleep } from "node:timers/promises";
import { sh } from "../../components/index.ts";
import { until } from "../../sandbox/processes.ts";
import { demand } from "./checks.ts";
import type { TestStack } from "./stack.ts";

/** Has the kernel of a guest panic, and waits until QEMU has stopped the guest for it. */
export async function panic(stack: TestStack, guest: string): Promise<void> {
  // It has no answer.
  const asked = stack.guestAnew(guest, sh`sync; echo c >/proc/sysrq-trigger`, 10).catch(() => {});
  const isDown = async () => (await sleep(1000, await stack.virsh("domstate", guest))) === "crashed";
  demand("whether it panicked", String(await until(60_000, isDown)), "true");
  await asked;
}
