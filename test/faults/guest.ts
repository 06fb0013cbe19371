import { type Shell, sh } from "../../components/index.ts";
import { developer, shared } from "../e2e/stack.ts";
import { lines } from "../support/lines.ts";
import type { Fault, Place } from "./run.ts";

/** Seconds that a guest without KVM may take to answer. */
const bootLimit = 240;

function inGuest({ stack, guest }: Place, script: Shell, limit?: number): Promise<string> {
  return stack.guest(guest, script, limit);
}

/** Has the guest reboot from within, and waits until another boot of it answers, with the sources mounted by itself. */
async function reboot(place: Place): Promise<void> {
  const { stack, guest } = place;
  const bootId = sh`cat /proc/sys/kernel/random/boot_id`;
  const before = await inGuest(place, bootId);
  await inGuest(place, sh`systemctl reboot`, 20).catch(() => {});
  const isAnother = sh`[ "$(${bootId})" != ${before} ] && echo another`;
  await stack.awaitGuest(guest, "come up again", isAnother, bootLimit, "another");
  await stack.awaitGuest(guest, "mount the sources at boot", sh`findmnt -nt nfs4 ${shared} >/dev/null`, 120);
}

/** Drops the module, whoever uses it. */
const unload = sh`duet stop >/dev/null || true; rmmod duet`;

/** The module that is installed, with another build id. Source: elf(5), the id is what ends the note. */
const loadOtherBuild = lines(
  sh`file=$(modinfo -n duet); cd "$(mktemp -d)"`,
  sh`objcopy -O binary --only-section=.note.gnu.build-id "$file" note`,
  sh`printf %s anotherbuild | dd of=note bs=1 seek=$(($(stat -c %s note) - 12)) conv=notrunc status=none`,
  sh`objcopy --update-section .note.gnu.build-id=note "$file" duet.ko`,
  unload,
  sh`insmod duet.ko`,
  sh`rm -r "$PWD"`,
);

/**
 * Has gdb stop a guest where it always comes by, and kills it there. It has its breakpoints in the guest's memory even
 * while that is stopped, as otherwise only while it runs.
 */
function killGdb(build: string, port: number): Shell {
  const commands = ["set breakpoint always-inserted on", "break vfs_read", "continue", "shell sleep 60"];
  const words = ["set tcp connect-timeout 15", `file ${build}/vmlinux`, `target remote 127.0.0.1:${port}`, ...commands];
  return lines(
    sh`log=$(mktemp); setsid gdb -nx -batch ${words.flatMap((word) => ["-ex", word])} </dev/null >"$log" 2>&1 & gdb=$!`,
    sh`for _ in $(seq 60); do if grep -q '^Breakpoint 1, ' "$log"; then break; fi; sleep 1; done`,
    sh`kill -KILL -- "-$gdb"; grep -q '^Breakpoint 1, ' "$log"; rm -f -- "$log"`,
  );
}

const fstabLine = `^[^#]* ${shared} nfs4 `;

/** What is out of sight for the steps of the module and the tools while the sources are not mounted. */
const onMount = ["module-build", "tools-build"];

/** What befalls a guest, beside whatever happens while `up` runs. */
export const guestFaults: readonly Fault[] = [
  {
    name: "guest stopped",
    cheap: false,
    apply: ({ stack, guest }) => stack.virsh("destroy", guest),
    words: (guest) => ({ drifts: { [`${guest}-boot`]: /domain: expected running, found shut off/ } }),
  },
  {
    name: "guest paused, as gdb leaves it",
    cheap: true,
    apply: ({ stack, guest }) => stack.virsh("suspend", guest),
    words: (guest) => ({ drifts: { [`${guest}-boot`]: /domain: expected running, found paused/ } }),
  },
  {
    name: "gdb killed with a breakpoint set",
    cheap: true,
    apply: async ({ stack, guest }) => {
      await stack.inside(killGdb(stack.build, stack.access(guest).gdbPort));
    },
    words: (guest) => ({ drifts: { [`${guest}-boot`]: /domain: expected running, found paused/ } }),
  },
  {
    name: "guest rebooted from within",
    cheap: false,
    apply: async (place) => {
      await reboot(place);
      await place.stack.awaitGuest(place.guest, "load the module at boot", sh`[ -d /sys/module/duet ]`, 120);
    },
    words: () => ({ drifts: {} }),
  },
  {
    name: "another kernel runs",
    cheap: false,
    apply: async (place) => {
      const old = sh`grep -o "gnulinux-[^']*-advanced-[^']*" /boot/grub/grub.cfg | grep -vF +duet- | head -n 1`;
      await inGuest(place, sh`grub-set-default "$(${old})"; sync`);
      await reboot(place);
    },
    words: (guest) => ({
      drifts: {
        [`${guest}-kernel-boot`]: /running kernel: expected \S+\+duet-\S+ \w+, found (?!\S*\+duet-)\S+/,
        [`module-${guest}`]: /module: expected loaded, found not loaded/,
      },
    }),
  },
  {
    name: "guest panicked",
    cheap: false,
    apply: async (place) => {
      const panic = sh`sync; echo c >/proc/sysrq-trigger`;
      await inGuest(place, panic, 10).catch(() => {});
    },
    words: (guest) => ({ drifts: { [`${guest}-boot`]: /answers ssh: expected yes, found no/ } }),
  },
  {
    name: "module unloaded",
    cheap: true,
    apply: (place) => inGuest(place, unload),
    words: (guest) => ({ drifts: { [`module-${guest}`]: /module: expected loaded, found not loaded/ } }),
  },
  {
    name: "module of another build loaded",
    cheap: true,
    apply: (place) => inGuest(place, loadOtherBuild),
    words: (guest) => ({
      drifts: { [`module-${guest}`]: /module build: expected \w+, found \w+616e6f746865726275696c64/ },
    }),
  },
  {
    name: "mount gone",
    cheap: true,
    apply: (place) => inGuest(place, sh`umount -l ${shared}`),
    words: (guest) => ({
      drifts: { [`${guest}-mount`]: /source: expected \S+:\/\S+, found none/ },
      besides: onMount,
    }),
  },
  {
    name: "line in the guest's fstab edited",
    cheap: true,
    apply: (place) => inGuest(place, sh`sed -i -e ${`\\|${fstabLine}|s/vers=4.2/vers=4.1/`} /etc/fstab`),
    words: (guest) => ({
      drifts: { [`${guest}-mount`]: /lines in \/etc\/fstab: expected .*vers=4\.2.*, found .*vers=4\.1/ },
    }),
  },
  {
    name: "UID changed",
    cheap: true,
    apply: (place) => inGuest(place, sh`usermod -u 4000 ${developer.user}`),
    words: (guest) => ({
      drifts: { [`${guest}-account`]: new RegExp(`uid: expected ${developer.uid}, found 4000`) },
    }),
  },
  {
    name: "package removed in the guest",
    cheap: true,
    apply: (place) => inGuest(place, sh`dpkg -r --force-depends make >/dev/null 2>&1`),
    words: (guest) => ({ drifts: { [`${guest}-packages`]: /package make: expected installed, found missing/ } }),
  },
  {
    name: "kernel package half-installed",
    cheap: true,
    apply: async (place) => {
      const file = await place.stack.host(sh`echo ${place.stack.build}/linux-image-*.deb`);
      await inGuest(place, sh`dpkg --unpack ${file} >/dev/null 2>&1`, 300);
    },
    words: (guest) => ({
      drifts: { [`${guest}-kernel-package`]: /package linux-image-\S+: expected \S+ installed, found \S+ unpacked/ },
    }),
  },
];
