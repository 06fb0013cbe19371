import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Shell, sh } from "../../components/index.ts";
import { libvirtName } from "../../components/names.ts";
import { guestImagePath } from "../../sandbox/image/build.ts";
import { demand } from "../e2e/checks.ts";
import { shared, type TestStack } from "../e2e/stack.ts";
import { lines } from "../support/lines.ts";
import type { Fault, Place } from "./run.ts";

const userLine = "# a line of the user's";

/** Adds a line of a user's above and below all others. */
export const addUserLines = (file: Shell) =>
  sh`sed -i --follow-symlinks -e ${`1i ${userLine}`} -e ${`$a ${userLine}`} ${file}`;
export const countUserLines = (file: Shell) => sh`grep -cxF -e ${userLine} ${file}`;
export const removeUserLines = (file: Shell) => sh`sed -i --follow-symlinks -e ${`/^${userLine}$/d`} ${file}`;
const fstab = sh`/etc/fstab`;

/** Removes the file with which a person attaches gdb. */
export const removeCommands = ({ folder }: Pick<TestStack, "folder">, guest: string): Shell =>
  sh`rm -f -- ${`${folder}/${guest}.gdb`}`;

/** The file that holds the lease of the guest's port. */
export function portLease({ leases, name }: Pick<TestStack, "leases" | "name">, guest: string): Shell {
  return sh`"$(grep -lxF -e ${`${name}/${guest}`} -- ${leases}/gdb-ports/*)"`;
}

/** Defines the domain again, edited, and restarts the guest with it. */
async function editDomain({ stack, guest }: Place, part: RegExp, edited: string): Promise<void> {
  const before = await stack.virsh("dumpxml", "--inactive", guest);
  const after = before.replaceAll(part, edited);
  demand("an edit of the domain", after === before ? "nothing to edit" : "edited", "edited");
  const folder = mkdtempSync(join(tmpdir(), "duet-domain-"));
  try {
    writeFileSync(join(folder, "domain.xml"), after);
    await stack.virsh("define", join(folder, "domain.xml"));
  } finally {
    rmSync(folder, { recursive: true });
  }
  await stack.virsh("destroy", guest);
  await stack.virsh("start", guest);
  await stack.awaitGuest(guest, "mount the sources at boot", sh`findmnt -nt nfs4 ${shared} >/dev/null`, 300);
}

const addedVolume = "added.raw";

/** Adds a disk of a person's to a domain, from its next start on. QEMU may read what is in the pool. */
export async function addDisk(stack: Pick<TestStack, "name" | "virsh">, guest: string): Promise<void> {
  const pool = libvirtName(stack.name);
  await stack.virsh("vol-create-as", pool, addedVolume, "16M", "--format", "raw");
  await stack.virsh("attach-disk", guest, `/var/lib/libvirt/images/${pool}/${addedVolume}`, "vdc", "--config");
}

/** Takes it away again, also if it is not there. */
export async function removeAddedDisk(stack: Pick<TestStack, "name" | "virsh">, guest: string): Promise<void> {
  await stack.virsh("detach-disk", guest, "vdc", "--config").catch(() => {});
  await stack.virsh("vol-delete", "--pool", libvirtName(stack.name), addedVolume).catch(() => {});
}

/** All that a restart of the machine takes from the embedded host: it keeps its files, but those in /run. */
export async function restartHost(stack: Pick<TestStack, "processes" | "host" | "paths">): Promise<void> {
  const { namespace, outerNamespace, runDirectory } = stack.paths;
  for (const { pid } of stack.processes()) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended with one that was killed before it.
    }
  }
  await stack.host(
    lines(
      sh`for name in ${[namespace, outerNamespace]}; do ip netns delete "$name"; done`,
      sh`rm -rf --one-file-system -- ${runDirectory}`,
    ),
  );
}

const nfsGone = (guest: string) => ({
  "nfs-export": /NFS server: expected nfs-ganesha, found none/,
  [`${guest}-mount`]: /NFS: expected answers, found none/,
});

/** Somebody else's server, on the port of the guest's stub. */
function foreignProcess(): Fault {
  let pid: number | undefined;
  return {
    name: "another process on the gdb port while the guest is off",
    cheap: false,
    apply: async ({ stack, guest }) => {
      const { gdbPort } = stack.access(guest);
      await stack.virsh("destroy", guest);
      const listen = `require("node:net").createServer().listen(${gdbPort}, "127.0.0.1")`;
      const words = ["netns", "exec", stack.paths.namespace, process.execPath, "-e", listen];
      const child = spawn("ip", words, { stdio: "ignore" });
      pid = child.pid;
      await stack.inside(sh`until ss -Hltn ${`sport = :${gdbPort}`} | grep -q .; do sleep 0.1; done`, 30);
    },
    words: (guest) => ({ drifts: { [`${guest}-boot`]: /domain: expected running, found shut off/ } }),
    refusal: {
      words: () => new RegExp(`process ${pid} \\(.*\\) listens there`),
      within: 120,
      relieve: async ({ stack, guest }) => {
        if (pid !== undefined) {
          process.kill(pid, "SIGKILL");
          pid = undefined;
          const { gdbPort } = stack.access(guest);
          await stack.inside(sh`while ss -Hltn ${`sport = :${gdbPort}`} | grep -q .; do sleep 0.1; done`, 30);
        }
      },
    },
  };
}

/** What befalls the host, beside whatever happens while `up` runs. */
export const hostFaults: readonly Fault[] = [
  {
    name: "NFS server killed",
    cheap: true,
    // A guest goes by what it has heard for a second.
    apply: ({ stack }) => stack.host(sh`kill -KILL "$(cat ${stack.folder}/nfs/ganesha.pid)"; sleep 2`),
    words: (guest) => ({ drifts: nfsGone(guest), besides: ["module-build", "tools-build"] }),
  },
  {
    name: "NFS export edited",
    cheap: true,
    apply: ({ stack }) => stack.host(sh`sed -i s/Root_Squash/No_Root_Squash/ ${stack.folder}/nfs/ganesha.conf`),
    words: () => ({ drifts: { "nfs-export": /NFS exports: expected \w+, found \w+/ } }),
  },
  {
    name: "web console killed",
    cheap: true,
    apply: ({ stack }) => stack.host(sh`kill -KILL "$(cat ${stack.folder}/web-console/server.pid)"`),
    words: () => ({ drifts: { "web-console": /web console: expected answers, found none/ } }),
  },
  {
    name: "watcher of crashes killed",
    cheap: true,
    apply: ({ stack, guest }) => stack.host(sh`kill -KILL "$(cat ${`${stack.folder}/crashes/${guest}/pid`})"`),
    words: (guest) => ({ drifts: { [`${guest}-crashes`]: /watcher: expected runs, found none/ } }),
  },
  {
    name: "gdb port's lease deleted",
    cheap: true,
    apply: ({ stack, guest }) => stack.host(sh`rm ${portLease(stack, guest)}`),
    // Which port a new lease will get, no preview can know.
    words: (guest) => ({ drifts: { [`${guest}-gdb-port`]: /gdb port: expected \d+, found none/ }, besides: [guest] }),
  },
  {
    name: "gdb port taken over by another stack",
    cheap: false,
    apply: ({ stack, guest }) => stack.host(sh`echo other/guest >${portLease(stack, guest)}`),
    words: (guest) => ({ drifts: { [`${guest}-gdb-port`]: /gdb port: expected \d+, found none/ } }),
    restore: ({ stack }) => stack.host(sh`grep -lxF other/guest -- ${stack.leases}/gdb-ports/* | xargs -r rm -f --`),
  },
  {
    name: "lease of the guest's address deleted",
    cheap: true,
    apply: ({ stack, guest }) =>
      stack.host(sh`rm "$(grep -lxF -e ${`${stack.name}/${guest}`} -- ${stack.leases}/addresses/*)"`),
    // Where ssh reaches the guest is in one step with its keys, which are in its seed.
    words: (guest) => ({
      drifts: { [`${guest}-address`]: /address: expected \S+, found none/ },
      besides: [guest, `${guest}-seed`],
    }),
  },
  {
    name: "gdb's commands deleted",
    cheap: true,
    apply: ({ stack, guest }) => stack.host(removeCommands(stack, guest)),
    words: (guest) => ({ drifts: { [`${guest}-debug`]: /gdb commands: expected \w+, found none/ } }),
  },
  {
    name: "lines of Duet's removed from a file with lines of the user's",
    cheap: true,
    apply: ({ stack, guest }) =>
      stack.guest(guest, lines(addUserLines(fstab), sh`sed -i -e ${`\\| ${shared} nfs4 |d`} /etc/fstab`)),
    words: (guest) => ({ drifts: { [`${guest}-mount`]: /lines in \/etc\/fstab: expected .*, found none/ } }),
    verify: async ({ stack, guest }) => {
      demand("lines of the user's in the guest's fstab", await stack.guest(guest, countUserLines(fstab)), "2");
    },
    restore: ({ stack, guest }) => stack.guest(guest, removeUserLines(fstab)),
  },
  {
    name: "domain undefined",
    cheap: false,
    apply: async ({ stack, guest }) => {
      await stack.virsh("destroy", guest);
      await stack.virsh("undefine", guest);
    },
    words: (guest) => ({ drifts: { [`${guest}-boot`]: /domain: expected running, found undefined/ } }),
  },
  {
    name: "domain edited: memory",
    cheap: false,
    apply: (place) => editDomain(place, /(?<=<(?:memory|currentMemory) unit='KiB'>)\d+/g, "917504"),
    words: (guest) => ({ drifts: { [`${guest}-boot`]: /domain definition: expected \w+, found \w+/ } }),
    verify: async ({ stack, guest }) => {
      demand("the memory of the domain", await stack.virsh("dominfo", guest), /^Max memory: +786432 KiB$/m);
    },
  },
  {
    name: "domain edited: port of the stub",
    cheap: false,
    apply: (place) => editDomain(place, /(?<=tcp:127\.0\.0\.1:)\d+/g, "1399"),
    words: (guest) => ({ drifts: { [`${guest}-boot`]: /domain definition: expected \w+, found \w+/ } }),
  },
  {
    name: "network restarted under a guest that runs",
    cheap: false,
    apply: async ({ stack }) => {
      await stack.virsh("net-destroy", libvirtName(stack.name));
      await stack.virsh("net-start", libvirtName(stack.name));
    },
    words: (guest) => ({ drifts: { [`${guest}-boot`]: /answers ssh: expected yes, found no/ } }),
  },
  {
    name: "domain edited beside a disk that somebody has added",
    cheap: false,
    apply: async (place) => {
      await addDisk(place.stack, place.guest);
      await editDomain(place, /(?<=tcp:127\.0\.0\.1:)\d+/g, "1399");
    },
    words: (guest) => ({ drifts: { [`${guest}-boot`]: /domain definition: expected \w+, found \w+/ } }),
    verify: async ({ stack, guest }) => {
      demand("the disk that was added", await stack.guest(guest, sh`lsblk -dno SIZE /dev/vdc | tr -d ' '`), "16M");
    },
    restore: ({ stack, guest }) => removeAddedDisk(stack, guest),
  },
  {
    name: "host restarted",
    cheap: false,
    apply: ({ stack }) => restartHost(stack),
    words: (guest) => ({
      drifts: {
        [`${guest}-boot`]: /domain: expected running, found shut off/,
        "nfs-export": /NFS server: expected nfs-ganesha, found none/,
        "web-console": /web console: expected answers, found none/,
        [`${guest}-crashes`]: /watcher: expected runs, found none/,
      },
    }),
  },
  foreignProcess(),
  {
    name: "image deleted from the cache",
    cheap: false,
    apply: ({ stack }) => stack.host(sh`rm -r -- "$(dirname ${guestImagePath(join(stack.cache, ".."))})"`),
    words: () => ({ drifts: { "image-file": /image: expected \d+ bytes of \d+, found none/ } }),
  },
  {
    name: "build folder deleted",
    cheap: false,
    apply: ({ stack }) => stack.host(sh`rm -r -- ${stack.build}`),
    words: () => ({
      drifts: {
        "kernel-config": /kernel configuration: expected \w+, found none/,
        kernel: /vmlinux: expected \d+ bytes, found none/,
      },
    }),
  },
  {
    name: "gdb scripts of the kernel deleted",
    cheap: true,
    apply: ({ stack }) => stack.host(sh`rm -- ${stack.build}/vmlinux-gdb.py`),
    words: () => ({ drifts: { kernel: /vmlinux-gdb\.py: expected \d+ bytes, found none/ } }),
  },
  {
    name: "records of steps deleted",
    cheap: true,
    apply: async ({ stack, guest }) => {
      await stack.host(sh`rm -- ${stack.folder}/steps/${guest}-debug`);
      await stack.guest(guest, sh`rm -- ${`/var/lib/duet/steps/${guest}-account`}`);
    },
    words: (guest) => ({
      drifts: { [`${guest}-debug`]: /was not completed/, [`${guest}-account`]: /was not completed/ },
    }),
  },
];
