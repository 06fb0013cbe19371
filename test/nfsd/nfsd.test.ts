/**
 * What a workstation has that this machine may not have: the kernel's NFS server, and AppArmor. In two guests of Debian's
 * kernel, one of them the workstation, the other a guest of Duet's as it sees its server.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { guestMac } from "../../components/host/network.ts";
import { aclPackages, hypervisorPackages, nfsPackages } from "../../components/host/package-lists.ts";
import { scriptText } from "../../components/machine/script-text.ts";
import { sh } from "../../components/machine/shell.ts";
import { stub } from "../../doctor/libvirt.ts";
import { here } from "../../doctor/probe.ts";
import { markUsed } from "../../sandbox/cache.ts";
import { guestImagePath } from "../../sandbox/image/build.ts";
import { debianWith } from "../../sandbox/image/recipe.ts";
import { baseDirectory } from "../../sandbox/paths.ts";
import { lastLine } from "../support/run-script.ts";
import { Confined } from "./confinement.ts";
import { Duet, developer, directory, disk } from "./duet.ts";
import { Guest, succeeded } from "./guest.ts";
import { type Seat, Segment } from "./segment.ts";

const minutes = 60_000;
const subnet = "192.168.77";
const seatOf = (name: string, end: number): Seat => ({
  name,
  address: `${subnet}.${end}`,
  mac: guestMac("nfsd", name),
});
/** File systems, which are the names of the server's disks too. */
const fileSystems = ["ext4", "xfs", "btrfs"] as const;
/** What a workstation has that has Duet, and what makes and confines what is tried here. */
const packages = [
  ...new Set([...hypervisorPackages, ...nfsPackages("kernel"), ...aclPackages, "apparmor", "btrfs-progs", "xfsprogs"]),
];
const work = mkdtempSync(join(tmpdir(), "duet-nfsd-"));

let segment: Segment;
let server: Guest;
let client: Guest;
let duet: Duet;

/** Absolute path of the guest image with those packages besides: made if it is not in the cache. */
async function imageWith(...more: readonly string[]): Promise<string> {
  const build = join(import.meta.dirname, "../../sandbox/image/build.ts");
  await execa(process.execPath, [build, ...more], { stdio: ["ignore", "ignore", "inherit"] });
  const path = guestImagePath(baseDirectory(process.env, "XDG_CACHE_HOME"), debianWith(more));
  markUsed(dirname(path));
  return path;
}

beforeAll(async () => {
  const [serverImage, image] = [await imageWith(...packages), await imageWith()];
  const seats = { server: seatOf("server", 11), client: seatOf("client", 12) };
  segment = await Segment.make(subnet, Object.values(seats));
  server = await Guest.make({ segment, seat: seats.server, image: serverImage, memory: 1536, vcpus: 2 }, work);
  client = await Guest.make({ segment, seat: seats.client, image, memory: 512, vcpus: 1 }, work);
  duet = new Duet(server, client);
  await Promise.all([server.boot(fileSystems), client.boot()]);
  await server.demand(scriptText(import.meta.url, "server.sh", { disks: fileSystems, ...developer }));
}, 45 * minutes);
afterAll(async () => {
  await client?.cutOff();
  await server?.cutOff();
  await segment?.remove();
  rmSync(work, { recursive: true });
}, 2 * minutes);

/** What the server gives back at the end. */
const state = () => server.demand(scriptText(import.meta.url, "state.sh", {}));
/** What is exported, a line each. exportfs itself turns their order round each time. */
const exported = async () => (await server.demand("exportfs -s")).trim().split("\n").sort();
const read = () => client.run(`cat ${directory}/file`);
/** Bash for the client that reads the file of an export, of which nothing stays mounted. */
const readBy = (source: string) => sh`mount -t nfs4 ${source} /mnt && cat /mnt/file && umount /mnt`.shell;

const lockText = scriptText(new URL("../../components/machine/lib/", import.meta.url).href, "lock.sh", {});
/** bash that takes itself for one of a remote connection reads ~/.bashrc, and ~ is root's. */
const asDeveloper = (script: string) =>
  sh`setpriv --reuid ${developer.uid} --regid ${developer.gid} --clear-groups bash --norc -c ${script}`.shell;
/** Bash that locks a file of the sources, and does something then. */
const lock = (seconds: number, then = "true") => {
  const locked = sh`exec 9<>${`${directory}/lock`}; lock 9 ${seconds} && ${{ shell: then }}`;
  return asDeveloper(`${lockText}\n${locked.shell}`);
};

/** Has a process lock that file, and gives what ends it. */
async function holder(guest: Guest): Promise<() => Promise<unknown>> {
  const shell = guest.start(lock(5, 'echo "$$" && exec sleep 3600'));
  const lost = shell.then(({ stderr }) => Promise.reject(new Error(`nothing was locked: ${stderr}`)));
  const [pid] = await Promise.race([once(shell.stdout, "data"), lost]);
  return () => guest.demand(`kill -KILL ${Number(String(pid))}`);
}

/** Waits for that lock on the other side, and sees that it is got once its holder has ended. */
async function awaitLock(guest: Guest, end: () => Promise<unknown>): Promise<void> {
  expect((await guest.run(lock(0))).code).not.toBe(0);
  let isLocked = false;
  const waiting = guest.run(lock(120)).then(({ code }) => {
    isLocked = true;
    return code;
  });
  await sleep(5000);
  expect(isLocked).toBe(false);
  await end();
  expect(await waiting).toBe(0);
}

/** A disk of a file system, with the sources on it, for the tests of a block. */
function onDisk(name: (typeof fileSystems)[number]): void {
  beforeAll(async () => {
    await server.demand(scriptText(import.meta.url, "sources.sh", { name, disk, directory, ...developer }));
  }, 2 * minutes);
  afterAll(async () => {
    await server.demand(sh`umount ${disk} && sed -i ${`\\| ${disk} |d`} /etc/fstab && systemctl daemon-reload`.shell);
  }, 2 * minutes);
}

describe.each(fileSystems)("the sources on %s, served by nfsd", (name) => {
  onDisk(name);
  let before: string;

  it(
    "are mounted at the same path, where nothing was exported before",
    async () => {
      before = await state();
      expect(await exported()).toEqual([""]);
      const source = succeeded(await duet.serve()).trim();
      expect(source).toBe(`${server.address}:/export/duet-dev`);
      succeeded(await duet.mount(source));
      expect(await client.demand(`findmnt -rno SOURCE,FSTYPE --mountpoint ${directory}`)).toBe(`${source} nfs4\n`);
      expect(succeeded(await read())).toBe("sources\n");
    },
    10 * minutes,
  );

  it(
    "are written by the developer, whose files they are on both sides, while root is nobody",
    async () => {
      await client.demand(asDeveloper(`echo hello >${directory}/hello`));
      expect(await server.demand(`cd ${directory}; stat -c %u:%g hello; cat hello`)).toBe("1000:1001\nhello\n");
      expect((await client.run(`touch ${directory}/root`)).stderr).toMatch(/Permission denied/);
      await client.demand(`touch ${directory}/open/root`);
      expect(await server.demand(`stat -c %u:%g ${directory}/open/root`)).toBe("65534:65534\n");
    },
    5 * minutes,
  );

  it(
    "are locked for both sides by either, until the holder dies",
    async () => {
      await awaitLock(client, await holder(server));
      await awaitLock(server, await holder(client));
    },
    10 * minutes,
  );

  it(
    "have the same facts when they are served once more, and nobody who works there notices, nor that guests come and go",
    async () => {
      const facts = await duet.facts();
      const writes = client.start(asDeveloper(`until [ -e /run/stop ]; do echo x >>${directory}/work || exit 1; done`));
      succeeded(await duet.serve());
      expect(await duet.facts()).toBe(facts);
      succeeded(await duet.serve(`${subnet}.13`));
      expect(await exported()).toHaveLength(2);
      succeeded(await duet.serve());
      expect(await duet.facts()).toBe(facts);
      await client.demand("touch /run/stop");
      expect(await writes).toMatchObject({ exitCode: 0, stderr: "" });
      await client.demand("rm /run/stop");
    },
    10 * minutes,
  );

  it(
    "S2: may be missing when the server boots: it comes up, says what lacks, and serves what others have",
    async () => {
      await server.demand(`echo '/srv/theirs *(ro,no_subtree_check)' >>/etc/exports; exportfs -ra`);
      await server.powerOff();
      await server.boot(fileSystems.filter((one) => one !== name));
      expect(await server.demand("systemctl is-active nfs-server")).toBe("active\n");
      expect(await client.demand(readBy(`${server.address}:/srv/theirs`))).toBe("theirs\n");
      expect(await duet.facts()).toMatch(/^bind mount: none$/m);
      expect(lastLine(await duet.serve())).toBe(
        `cannot serve ${directory}: nothing is mounted on ${disk}, where /etc/fstab has a disk;` +
          " mount it and run this again",
      );
      expect(await server.demand(`ls -A ${disk} /export/duet-dev`)).toBe(`/export/duet-dev:\n\n${disk}:\n`);
      // A guest that has them mounted waits.
      const { code, stderr } = await client.run(`timeout -k 5 20 cat ${directory}/file`);
      expect([124, 137]).toContain(code);
      expect(stderr).not.toMatch(/stale/i);
    },
    20 * minutes,
  );

  it(
    "are back after a boot of the server with the disk, and the guest reads on",
    async () => {
      await server.powerOff();
      await server.boot(fileSystems);
      expect(succeeded(await read())).toBe("sources\n");
      await client.demand(asDeveloper(`echo again >${directory}/hello`));
      await server.demand("sed -i '\\|^/srv/theirs |d' /etc/exports; exportfs -ra");
    },
    20 * minutes,
  );

  it(
    "are given back to the byte",
    async () => {
      succeeded(await duet.unmount());
      succeeded(await duet.withdraw());
      expect(await state()).toBe(before);
      expect(
        await client.demand(`findmnt -n ${directory}; ls -d ${directory} 2>&1; grep -c nfs /etc/fstab || true`),
      ).toBe(`ls: cannot access '${directory}': No such file or directory\n0\n`);
    },
    5 * minutes,
  );

  it(
    "W9: are served beside the guide's own root of NFSv4 for others, which is left as it is",
    async () => {
      const network = "192.168.78";
      await client.demand(`ip address add ${network}.12/24 dev eth0`);
      await server.demand(`ip address add ${network}.1/24 dev eth0; cp -a /etc/exports /etc/fstab /root`);
      const theirs = async () => (await exported()).filter((line) => line.includes(network));
      const readTheirs = () => client.demand(readBy(`${network}.1:/duet`));

      expect(succeeded(await duet.serve()).trim()).toBe(`${server.address}:/export/duet-dev`);
      await server.demand(scriptText(import.meta.url, "guide.sh", { directory, network: `${network}.0/24` }));
      const had = await theirs();
      expect(had).toHaveLength(2);
      expect(await readTheirs()).toBe("sources\n");
      // The guests' own path begins elsewhere now.
      expect(await duet.facts()).toMatch(/^root of NFSv4: \/export$/m);
      const source = succeeded(await duet.serve()).trim();
      expect(source).toBe(`${server.address}:/duet-dev`);
      succeeded(await duet.mount(source));
      expect(succeeded(await read())).toBe("sources\n");
      succeeded(await duet.unmount());
      expect([await theirs(), await readTheirs()]).toEqual([had, "sources\n"]);
      succeeded(await duet.withdraw());
      expect([await theirs(), await readTheirs()]).toEqual([had, "sources\n"]);

      await server.demand("mv /root/exports /root/fstab /etc && exportfs -ra && umount /export/duet && rm -r /export");
      await server.demand(`ip address del ${network}.1/24 dev eth0`);
      await client.demand(`ip address del ${network}.12/24 dev eth0`);
      expect(await state()).toBe(before);
    },
    15 * minutes,
  );

  it(
    "S6: are served beside a broken line of somebody's, and leave alone what was exported by hand",
    async () => {
      const byHand = `${client.address}:/srv/theirs`;
      await server.demand(`exportfs -o ro,no_subtree_check ${byHand}; cp -a /etc/exports /root`);
      const [had = ""] = await exported();
      await server.demand("echo '/srv/theirs *(ro,no_subtree_check,nonsense)' >>/etc/exports");
      expect((await server.run("exportfs -a")).stderr).toMatch(/unknown keyword "nonsense"/);
      succeeded(await duet.mount(succeeded(await duet.serve()).trim()));
      expect(succeeded(await read())).toBe("sources\n");
      expect(await client.demand(readBy(`${server.address}:/srv/theirs`))).toBe("theirs\n");
      succeeded(await duet.unmount());
      succeeded(await duet.withdraw());
      expect(await exported()).toEqual([had]);
      await server.demand(`mv /root/exports /etc; exportfs -u ${byHand}`);
      expect(await state()).toBe(before);
    },
    10 * minutes,
  );
});

describe("a guest that dies while it works on the sources", () => {
  onDisk("ext4");

  it(
    "gives up its locks, and keeps nothing from being given back",
    async () => {
      const before = await state();
      succeeded(await duet.mount(succeeded(await duet.serve()).trim()));
      await holder(client);
      await awaitLock(server, () => client.cutOff());
      succeeded(await duet.withdraw());
      expect(await state()).toBe(before);
    },
    10 * minutes,
  );
});

describe("AppArmor", () => {
  const enabled = "/sys/module/apparmor/parameters/enabled";
  let confined: Confined;
  beforeAll(async () => {
    confined = new Confined(server);
    await confined.makeDisk();
  }, 5 * minutes);
  afterEach(() => confined.destroy(), 2 * minutes);

  it("is on, as it is in Debian", async () => {
    expect(await server.demand(`cat ${enabled}`)).toBe("Y\n");
  });

  it(
    "W1: confines a guest to its own files, which are enough for it to start",
    async () => {
      const label = succeeded(await confined.start(await confined.define("port")));
      expect(label.trim()).toBe(await confined.label());
    },
    10 * minutes,
  );

  it(
    "would keep a guest from the volume of a pool, which starts only if nothing confines it",
    async () => {
      const definition = await confined.define("port", true);
      expect((await confined.start(definition)).stderr).toMatch(
        /Could not open '\S+duetdev\.qcow2': Permission denied/,
      );
      const free = definition.replace("</domain>", '<seclabel type="none" model="apparmor"/></domain>');
      expect(succeeded(await confined.start(free))).not.toMatch(/^libvirt-/);
    },
    10 * minutes,
  );

  it(
    "S11: lets a guest have its gdb socket once there is the line that the doctor asks for, and not before",
    async () => {
      const definition = await confined.define("socket");
      expect((await confined.start(definition)).stderr).toMatch(/bind socket to \S+duetdev\.sock: Permission denied/);
      const isOn = await server.demand(`cat ${enabled}`);
      const found = (rules: string) => stub({ ...here, read: (file) => (file === enabled ? isOn : rules) }, "socket");
      const [, rule = "", file = ""] = /put the line (.*) into (\S+)$/.exec(found("").said) ?? [];
      await server.demand(sh`echo ${rule} >>${file}`.shell);
      expect(found(await server.demand(sh`cat ${file}`.shell)).state).toBe("ok");
      const label = succeeded(await confined.start(definition));
      expect(label.trim()).toBe(await confined.label());
    },
    10 * minutes,
  );
});
