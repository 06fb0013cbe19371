import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sh } from "../../components/index.ts";
import { shared } from "../e2e/stack.ts";
import { lines } from "../support/lines.ts";
import type { Fault, Place } from "./run.ts";

const source = `${shared}/duet-module/main.c`;
const original = join(import.meta.dirname, "../../samples/module/main.c");
const init = "static int __init duet_init(void)\n{\n\tint err;\n";

/** Puts code before the module's init function, and a statement at its start. */
function edit({ stack }: Place, code: string, statement: string): Promise<string> {
  const text = readFileSync(original, "utf8");
  if (!text.includes(init)) {
    throw new Error(`there is no ${init} in ${original}`);
  }
  // In place: the file stays the developer's.
  return stack.host(sh`printf %s ${text.replace(init, `${code}\n${init}\n\t${statement}\n`)} >${source}`);
}

async function mend({ stack }: Place): Promise<void> {
  await stack.host(sh`cat -- ${original} >${source}`);
}

/** What every one of these is: the source is not what the last `up` has seen. */
const edited = { "module-source": /content of \S+duet-module: expected \w+, found \w+/ };

/**
 * A module that is stuck in the kernel once `up` has tried to load it: a reset takes it out, after which the guest boots
 * without it.
 *
 * @param why what `up` says of it
 */
function stuck(what: string, statement: string, why: RegExp): Fault {
  return {
    name: `module whose init function ${what}`,
    cheap: false,
    apply: (place) => edit(place, "", statement),
    // It is told of as a crash that the guest has survived, too.
    words: (guest) => ({ drifts: edited, besides: [`${guest}-crashes`] }),
    refusal: {
      words: () => why,
      within: 400,
      relieve: async (place) => {
        const { stack, guest } = place;
        await mend(place);
        const isStuck = await stack.guest(guest, sh`cat /sys/module/duet/initstate 2>/dev/null || true`);
        if (isStuck === "coming") {
          // By another QEMU: over its old translations the next boot takes minutes.
          await stack.virsh("destroy", guest);
          await stack.virsh("start", guest);
          await stack.awaitGuest(guest, "come up without the module", sh`[ ! -e /sys/module/duet ]`, 240);
        }
      },
    },
    restore: mend,
  };
}

/** A module that misbehaves, as one does that is being written. */
export const moduleFaults: readonly Fault[] = [
  {
    name: "module that panics after it was loaded",
    cheap: false,
    apply: async (place) => {
      const { stack, guest } = place;
      const work = "static DECLARE_DELAYED_WORK(duet_late_work, duet_late);";
      await edit(
        place,
        `static void duet_late(struct work_struct *work)\n{\n\tpanic("duet_late was here");\n}\n${work}\n`,
        "schedule_delayed_work(&duet_late_work, 20 * HZ);",
      );
      // It may be over before that happens, or just then.
      await stack.attempt("up");
      const panicked = sh`[ "$(virsh -q -c ${stack.paths.uri} domstate ${guest})" = crashed ]`;
      await stack.host(lines(sh`for _ in $(seq 100); do if ${panicked}; then exit 0; fi; sleep 1; done`, sh`exit 1`));
      await mend(place);
    },
    words: (guest) => ({
      drifts: { ...edited, [`${guest}-boot`]: /answers ssh: expected yes, found no/ },
      // It may strike while the first `up` is at these.
      besides: [`${guest}-debug`, "tools-build"],
    }),
    says: ({ guest }) => new RegExp(`${guest} panicked: duet_late was here; at duet_late \\(\\S+/main\\.c:\\d+\\)`),
    verify: ({ stack, guest }) => stack.guest(guest, sh`dmesg | grep -F 'duet: module duet is not loaded: '`),
    restore: mend,
  },
  stuck(
    "crashes",
    "*(volatile int *)0 = 1;",
    /load duet: the kernel refuses it: BUG: .*, at duet_init \(\S+main\.c:\d+\)/,
  ),
  stuck("never returns", "for (;;) schedule_timeout_uninterruptible(HZ);", /load duet: .* not returned for 120 s/),
];
