import { join } from "node:path";
import { expect, it } from "vitest";
import { runStep } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";

/** A mount namespace in which what the kernel does on an oops is a file. */
const before = `mount -t tmpfs tmpfs /etc; mount -t tmpfs tmpfs /mnt; cd /mnt
echo 0 >panic_on_oops; printf '4\\t4\\t1\\t7\\n' >printk
for name in panic_on_oops printk; do mount --bind "$name" "/proc/sys/kernel/$name"; done`;

it.runIf(process.getuid?.() === 0)(
  "has an oops stop a guest, also at its next boot, and no more once it is taken back",
  async () => {
    const script = scriptText(import.meta.url, "settings.sh", {});
    const run = (verbs: Parameters<typeof runStep>[1], after = ":") =>
      runStep(script, verbs, { enter: ["unshare", "--mount"], before, after });
    expect((await run("facts")).stdout).toBe("settings of crashes: \nan oops: goes on, console level 4\n");
    const ran = await run(["create", "facts"], "cat /etc/sysctl.d/*");
    expect(ran.stdout).toMatch(
      /^settings of crashes: \w{16}\nan oops: stops, console level 7\nkernel\.panic_on_oops = 1\nkernel\.printk = 7 4 1 7\n$/,
    );
    expect((await run(["create", "delete"], "ls /etc/sysctl.d; cat /proc/sys/kernel/panic_on_oops")).stdout).toBe(
      "0\n",
    );
  },
);

it.runIf(process.getuid?.() === 0)("is as recorded while nobody has changed its file", async () => {
  const records = temporaryFolder("settings-");
  const script = scriptText(import.meta.url, "settings.sh", {});
  const facts = async (since: string) => {
    const recorded = `mkdir /etc/sysctl.d; : >/etc/sysctl.d/60-duet-crash.conf
echo 'settings of crashes: as recorded' >'${join(records, "step")}'; ${since}`;
    const options = { enter: ["unshare", "--mount"], before: `${before}; ${recorded}`, records };
    return (await runStep(script, "facts", options)).stdout;
  };
  expect(await facts(":")).toMatch(/^settings of crashes: as recorded\nan oops: goes on/);
  expect(await facts("touch -d tomorrow /etc/sysctl.d/*")).toMatch(/^settings of crashes: \w{16}\nan oops: goes on/);
});
