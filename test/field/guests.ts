import { sh } from "../../components/index.ts";
import { libvirtName } from "../../components/names.ts";
import { demand } from "../e2e/checks.ts";
import { problem } from "../e2e/pulumi-output.ts";
import type { TestStack } from "../e2e/stack.ts";
import { addDisk, removeAddedDisk } from "../faults/host.ts";
import { bootOf, change, type FieldCase, one, staysClean } from "./case.ts";

/** What a guest is to its user, whatever else stands in the list. */
async function identityOf(stack: TestStack, guest: string): Promise<string> {
  const { address, gdbPort } = stack.access(guest);
  return `${address} ${gdbPort} ${await bootOf(stack, guest)} ${await stack.guest(guest, sh`hostname`)}`;
}

async function standing(stack: TestStack): Promise<string> {
  return (await stack.virsh("list", "--name")).split("\n").filter(Boolean).sort().join(" ");
}

/** What a guest is does not hang on its place in the list, nor on its name. */
export const guestCases: readonly FieldCase[] = [
  {
    kind: 2,
    name: "a guest comes before another, changes places, gets another name, and goes",
    run: async (stack, say) => {
      const first = await identityOf(stack, "one");
      const guest = (name: string) => ({ ...one, name });
      say("in front of it, with a name that the stack has for something else");
      await change(stack, { "duet:vms": [guest("gdb"), one] });
      demand("what the first guest is", await identityOf(stack, "one"), first);
      const second = await identityOf(stack, "gdb");
      say("changed places");
      await change(stack, { "duet:vms": [one, guest("gdb")] });
      demand(
        "what both are",
        `${await identityOf(stack, "one")} ${await identityOf(stack, "gdb")}`,
        `${first} ${second}`,
      );
      say("with another name");
      await change(stack, { "duet:vms": [one, guest("build")] });
      demand("the guests that run", await standing(stack), "build one");
      demand("the name of the new one", await stack.guest("build", sh`hostname`), "build");
      say("gone");
      await change(stack, { "duet:vms": [one] });
      demand("the guests that run", await standing(stack), "one");
      demand("what the first guest is", await identityOf(stack, "one"), first);
    },
  },
  {
    kind: 11,
    name: "a person adds a disk and a snapshot, and then the spec asks for more memory",
    run: async (stack) => {
      const pool = libvirtName(stack.name);
      const top = `/var/lib/libvirt/images/${pool}/one.first`;
      const domain = await stack.virsh("domuuid", "one");
      try {
        await addDisk(stack, "one");
        await staysClean(stack);
        const disks = ["--diskspec", `vda,file=${top}`, "--diskspec", "vdb,snapshot=no"];
        await stack.virsh("snapshot-create-as", "one", "first", "--disk-only", ...disks);
        await stack.guest("one", sh`echo kept >/root/kept; sync`);
        stack.writeSpec({ "duet:vms": [{ ...one, memory: 1024 }] });
        const { code, output } = await stack.attempt("up");
        demand("the exit code of up", String(code !== 0), "true");
        demand(
          "what up says",
          problem(output),
          new RegExp(`its disk vda is ${top}, .*blockcommit one vda --active --shallow --pivot`),
        );
        await stack.virsh("blockcommit", "one", "vda", "--active", "--shallow", "--pivot", "--wait");
        await stack.virsh("snapshot-delete", "one", "first", "--metadata");
        await stack.virsh("vol-delete", "--pool", pool, "one.first");
        await stack.run("up");
        await staysClean(stack);
        demand(
          "what the guest has",
          await stack.guest("one", sh`cat /root/kept; lsblk -dno SIZE /dev/vdc`),
          "kept\n 16M",
        );
        demand("the domain", await stack.virsh("domuuid", "one"), domain);
      } finally {
        await removeAddedDisk(stack, "one");
      }
    },
  },
];
