import { sh } from "../../components/index.ts";
import { shared, type TestStack } from "../e2e/stack.ts";
import { lines } from "../support/lines.ts";
import type { Fault } from "./run.ts";

const source = `${shared}/duet-kernel/init/main.c`;
const kept = `${shared}/duet-kernel/init/.duet-test.tmp_main.c`;
/** In kernel_init, once all that a console needs is up. */
const before = "wait_for_completion(&kthreadd_done);";

/** Has the kernel do something in the place of booting. @param statement in C */
export function breakKernel(stack: TestStack, statement: string): Promise<string> {
  return stack.host(
    lines(
      sh`cp -p -- ${source} ${kept}`,
      sh`sed -i -e ${`s/^\t${before}$/&\\n\t${statement}/`} ${source}`,
      sh`if cmp -s ${source} ${kept}; then echo ${`there is no ${before} in ${source}`} >&2; exit 1; fi`,
    ),
  );
}

/** Puts the source back with its time, so that the tree counts as unedited; make goes by times, so its object goes. */
export function mendKernel(stack: TestStack): Promise<string> {
  return stack.host(sh`if [ -e ${kept} ]; then mv -- ${kept} ${source}; rm -f -- ${`${stack.build}/init/main.o`}; fi`);
}

/**
 * A kernel that is built and installed, and does not come up: the guest is back in its old one then, and gets the next.
 *
 * @param statement what it does in the place of booting
 * @param why what `up` says became of it
 * @param within seconds in which `up` has to give it up, and be back in the old one
 */
function broken(what: string, statement: string, why: string, within: number): Fault {
  return {
    name: `kernel that ${what}`,
    cheap: false,
    apply: ({ stack }) => breakKernel(stack, statement),
    words: () => ({ drifts: { "kernel-source": /content of \S+duet-kernel: expected \w+, found \w+/ } }),
    refusal: {
      words: ({ guest }) => new RegExp(`kernel \\S+ in ${guest}: .*${why}`, "s"),
      within,
      verify: ({ stack, guest }) =>
        stack.awaitGuest(guest, "be back in its old kernel", sh`uname -r | grep -v -F -e +duet-`, 5),
      relieve: ({ stack }) => mendKernel(stack),
    },
    restore: ({ stack }) => mendKernel(stack),
  };
}

/** What such a kernel does. */
export const panics = 'panic("a kernel that does not boot");';
export const hangs = "for (;;) cpu_relax();";

/** What is wrong with the kernel itself, or with the place where it is built. */
export const kernelFaults: readonly Fault[] = [
  broken("panics at boot", panics, "panicked.*init/main\\.c:\\d+", 400),
  broken("hangs at boot", hangs, "gave no answer for \\d+ s", 600),
  {
    name: "disk full where the kernel is built",
    cheap: false,
    // A file system of its own would be refused, as guests would see an empty folder there. The kernel is linked again.
    apply: ({ stack }) => stack.host(sh`cd -- ${stack.build} && ln -sf /dev/full vmlinux && touch vmlinux.o`),
    words: () => ({ drifts: { kernel: /vmlinux: expected \d+ bytes, found 9 bytes/ } }),
    refusal: {
      words: () => /cannot build the kernel: .*No space left on device/,
      within: 120,
      relieve: ({ stack }) => stack.host(sh`cd -- ${stack.build} && if [ -L vmlinux ]; then rm -- vmlinux; fi`),
    },
  },
];
