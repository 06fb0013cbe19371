import { lines, sh } from "../components/index.ts";
import type { Fault, Place } from "./fault-run.ts";
import { shared } from "./stack.ts";

const source = `${shared}/duet-kernel/init/main.c`;
const kept = `${shared}/duet-kernel/init/.duet-test.tmp_main.c`;
/** In kernel_init, once all that a console needs is up. */
const before = "wait_for_completion(&kthreadd_done);";
const panic = 'panic("a kernel that does not boot");';

/** Puts the source back with its time, so that the tree counts as unedited; make goes by times, so its object goes. */
function mend({ stack }: Place): Promise<string> {
  return stack.host(sh`if [ -e ${kept} ]; then mv -- ${kept} ${source}; rm -f -- ${`${stack.build}/init/main.o`}; fi`);
}

/** What is wrong with the kernel itself, or with the place where it is built. */
export const kernelFaults: readonly Fault[] = [
  {
    name: "kernel that panics at boot",
    cheap: false,
    apply: ({ stack }) =>
      stack.host(
        lines(
          sh`cp -p -- ${source} ${kept}`,
          sh`sed -i -e ${`s/^\t${before}$/&\\n\t${panic}/`} ${source}`,
          sh`if cmp -s ${source} ${kept}; then echo ${`there is no ${before} in ${source}`} >&2; exit 1; fi`,
        ),
      ),
    words: () => ({ drifts: { "kernel-source": /content of \S+duet-kernel: expected \w+, found \w+/ } }),
    refusal: {
      words: ({ guest }) => new RegExp(`${guest} booted it and panicked: it is reset.*init/main\\.c:\\d+`, "s"),
      within: 400,
      relieve: mend,
    },
    restore: mend,
  },
  {
    name: "disk full where the kernel is built",
    cheap: false,
    apply: ({ stack }) => stack.host(sh`mount -n -t tmpfs -o size=16k,mode=777 duet-full ${stack.build}`),
    words: () => ({
      drifts: {
        "kernel-config": /kernel configuration: expected \w+, found none/,
        kernel: /vmlinux: expected \d+ bytes, found none/,
      },
    }),
    refusal: {
      words: () => /No space left on device/,
      within: 120,
      relieve: ({ stack }) => stack.host(sh`if mountpoint -q ${stack.build}; then umount -n -- ${stack.build}; fi`),
    },
  },
];
