import { setTimeout as sleep } from "node:timers/promises";
import { type Shell, sh } from "../../components/index.ts";
import { lines } from "../support/lines.ts";
import type { Fault, Place } from "./run.ts";

/** dpkg's own kind of lock, fcntl(2)'s, which flock(1) neither takes nor sees. */
const holdLock = `
import fcntl, time
lock = open("/var/lib/dpkg/lock-frontend", "w")
fcntl.lockf(lock, fcntl.LOCK_EX)
open("/run/duet-lock-held", "w")
time.sleep(900)
`;
const lockUnit = "duet-test-lock";

/** Has another process of the guest hold dpkg's lock, until `letGo`. */
const hold = lines(
  sh`rm -f /run/duet-lock-held`,
  sh`systemd-run --quiet --collect --unit=${lockUnit} python3 -c ${holdLock}`,
  sh`for _ in $(seq 100); do if [ -e /run/duet-lock-held ]; then break; fi; sleep 0.2; done`,
  sh`[ -e /run/duet-lock-held ]`,
);
const letGo = sh`systemctl stop ${lockUnit} 2>/dev/null || true; rm -f /run/duet-lock-held`;

/** A drift of the guest's packages, whose repair needs dpkg, while another dpkg is at work; that one ends in time. */
function lockHeld(what: string, drift: Shell, words: Fault["words"]): Fault {
  const release = ({ stack, guest }: Place) => stack.guest(guest, letGo);
  return {
    name: `dpkg locked while ${what}`,
    cheap: false,
    apply: ({ stack, guest }) => stack.guest(guest, lines(drift, hold)),
    words,
    meanwhile: async (place) => {
      await sleep(30_000);
      await release(place);
    },
    restore: release,
  };
}

/** Leaves not a block free on the guest's disk, those that only root may take included. */
const fillDisk = lines(
  sh`sync; free=$(($(stat -f -c %f /) * $(stat -f -c %S /)))`,
  // The file's own blocks on record take some, too.
  sh`fallocate -l $((free - 64 * 1024 * 1024)) /var/tmp/duet-full`,
  sh`dd if=/dev/zero of=/var/tmp/duet-full.rest bs=64k status=none 2>/dev/null || true`,
);

const nfsPort = ["-p", "tcp", "--dport", "2049"];

/** Sets the guest's link in the embedded host up or down. */
async function setLink({ stack, guest }: Place, state: "up" | "down"): Promise<void> {
  const list = sh`virsh -q -c ${stack.paths.uri} domiflist ${guest} | awk '{ print $1 }'`;
  await stack.inside(sh`for link in $(${list}); do ip link set "$link" ${state}; done`);
}

/** Sets how many bytes of memory libvirtd may have, and each QEMU that it starts from then on. */
function limitMemory({ stack }: Place, bytes: number | "unlimited"): Promise<string> {
  return stack.host(sh`prlimit ${`--data=${bytes}:unlimited`} --pid "$(cat ${`${stack.paths.run}/libvirtd.pid`})"`);
}

/** What an `up` has to wait for, or cannot do before something changes. */
export const waitFaults: readonly Fault[] = [
  lockHeld("a package is missing", sh`dpkg -r --force-depends make >/dev/null 2>&1`, (guest) => ({
    drifts: { [`${guest}-packages`]: /package make: expected installed, found missing/ },
  })),
  lockHeld("the kernel is to be installed", sh`echo '# edited' >>/etc/default/grub.d/duet.cfg`, (guest) => ({
    drifts: { [`${guest}-kernel-package`]: /GRUB settings: expected \w+, found \w+/ },
  })),
  {
    name: "disk full in the guest",
    cheap: false,
    apply: ({ stack, guest }) =>
      stack.guest(guest, lines(sh`dpkg -r --force-depends make >/dev/null 2>&1`, fillDisk), 300),
    words: (guest) => ({
      drifts: { [`${guest}-packages`]: /package make: expected installed, found missing/ },
    }),
    refusal: {
      words: () => /No space left on device|enough free space|disk is full/i,
      within: 300,
      relieve: ({ stack, guest }) => stack.guest(guest, sh`rm -f /var/tmp/duet-full /var/tmp/duet-full.rest; sync`),
    },
  },
  {
    name: "firewall before the NFS server",
    cheap: false,
    apply: ({ stack }) => stack.inside(sh`iptables -I INPUT ${nfsPort} -j DROP`),
    words: (guest) => ({
      drifts: { [`${guest}-mount`]: /NFS: expected answers, found none/ },
      besides: ["module-build", "tools-build"],
    }),
    refusal: {
      words: () => /port 2049 of \S+ does not answer within 10 s; .*firewall/,
      within: 180,
      relieve: ({ stack }) => stack.inside(sh`while iptables -D INPUT ${nfsPort} -j DROP 2>/dev/null; do :; done`),
    },
  },
  {
    name: "no memory for the guest",
    cheap: false,
    apply: async (place) => {
      await limitMemory(place, 512 * 1024 * 1024);
      await place.stack.virsh("destroy", place.guest);
    },
    words: (guest) => ({ drifts: { [`${guest}-boot`]: /domain: expected running, found shut off/ } }),
    refusal: {
      words: ({ guest }) => new RegExp(`domain ${guest}: .*Cannot allocate memory.*; free some`),
      within: 60,
      relieve: (place) => limitMemory(place, "unlimited"),
    },
  },
  {
    name: "guest unreachable",
    cheap: false,
    apply: (place) => setLink(place, "down"),
    words: (guest) => ({ drifts: { [`${guest}-boot`]: /answers ssh: expected yes, found no/ } }),
    refusal: {
      words: ({ guest }) => new RegExp(`cannot reach ${guest}: its link \\S+ is down`),
      within: 60,
      relieve: (place) => setLink(place, "up"),
    },
  },
];
