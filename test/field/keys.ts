import { type Shell, sh } from "../../components/index.ts";
import { demand } from "../e2e/checks.ts";
import { developer, type SpecChange, type TestStack } from "../e2e/stack.ts";
import { change, type FieldCase, one } from "./case.ts";

/** A key that is changed on a standing stack, and back. */
function key(name: string, spec: SpecChange, asked: Shell, isThen: string): FieldCase {
  return {
    kind: 15,
    name: `the spec asks for ${name}, and for what it asked before`,
    run: async (stack) => {
      const ask = () => stack.guest("one", asked);
      const before = await ask();
      demand(`whether ${name} is another`, String(before !== isThen), "true");
      await change(stack, spec);
      demand(`what the guest says with ${name}`, await ask(), isThen);
      await change(stack, {});
      demand(`what the guest says without ${name}`, await ask(), before);
    },
  };
}

const vm = (changed: object): SpecChange => ({ "duet:vms": [{ ...one, ...changed }] });
const module = (changed: object): SpecChange => ({ "duet:module": changed });

/** Where a guest keeps its steps. */
const steps = "/var/lib/duet/steps";

async function portOf(stack: TestStack): Promise<number> {
  return stack.access("one").gdbPort;
}

/** Each key of a spec that can be changed under a guest: whatever it asked for before is taken back. */
export const keyCases: readonly FieldCase[] = [
  key(
    "another user",
    { "duet:developer": { ...developer, gid: developer.uid, user: "other" } },
    sh`id -un ${developer.uid}`,
    "other",
  ),
  key("more memory", vm({ memory: 1024 }), sh`grep -c . <(awk '/MemTotal/ && $2 > 900000' /proc/meminfo) || true`, "1"),
  key("another processor", vm({ vcpus: 2 }), sh`nproc`, "2"),
  key("a longer probation", module({ probation: 61 }), sh`sed -n 's/^probation=//p' ${`${steps}/module-one.sh`}`, "61"),
  key(
    "a module that the host builds",
    module({ build: "host" }),
    sh`ls ${steps} | grep -c '^module-build' || true`,
    "0",
  ),
  {
    kind: 15,
    name: "the spec asks for another gdb port, and for what it asked before",
    run: async (stack) => {
      const before = await portOf(stack);
      await change(stack, vm({ gdbPort: 4321 }));
      demand("the port", String(await portOf(stack)), "4321");
      await change(stack, {});
      demand("the port", String(await portOf(stack)), String(before));
    },
  },
];
