import { join } from "node:path";
import { type Shell, sh } from "../../components/index.ts";
import { demand } from "../e2e/checks.ts";
import { developer, type SpecChange, shared, sources, type TestStack } from "../e2e/stack.ts";
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

/** A module with a mark, in a folder of the stack's own. */
async function otherModule(stack: TestStack): Promise<string> {
  const folder = join(stack.folder, "other-module");
  await stack.host(sh`rm -rf ${folder}; cp -r samples/module ${folder}`);
  await stack.host(sh`printf '\nMODULE_INFO(field, "other sources");\n' >>${join(folder, "main.c")}`);
  return folder;
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
  key(
    "other ids of the developer",
    { "duet:developer": { ...developer, uid: 1300, gid: 1300 } },
    sh`stat -c '%u:%g' ${`${shared}/duet-module/main.c`} /home/dev | paste -sd' '`,
    "1300:1300 1300:1300",
  ),
  {
    kind: 15,
    name: "the spec asks for other sources of the module, and for what it asked before",
    run: async (stack) => {
      const mark = () => stack.guest("one", sh`modinfo -F field duet`);
      await change(stack, { "duet:sources": { ...sources, module: { copy: await otherModule(stack) } } });
      demand("the mark of the module", await mark(), "other sources");
      await change(stack, {});
      demand("the mark of the module", await mark(), "");
    },
  },
  {
    kind: 15,
    name: "the spec asks for what no guest sees, and for what it asked before",
    run: async (stack) => {
      await change(stack, { ...vm({ bootTimeout: 601 }), ...module({ breakpoint: "duet_task_register" }) });
      await change(stack, {});
    },
  },
  {
    // The kernel is built anew there.
    kind: 15,
    name: "the spec asks for another sources directory, and for what it asked before",
    run: async (stack) => {
      const directory = "/srv/duet-other";
      const left = () => stack.host(sh`ls -A ${directory} 2>/dev/null || echo none`);
      const isMounted = (path: string) => stack.guest("one", sh`findmnt -no FSTYPE ${path} || echo none`);
      await change(stack, { "duet:sources": { ...sources, directory } });
      demand("what is mounted", `${await isMounted(directory)} ${await isMounted(shared)}`, "nfs4 none");
      await change(stack, {});
      demand("what is mounted", `${await isMounted(directory)} ${await isMounted(shared)}`, "none nfs4");
      demand("what is left there", await left(), "none");
    },
  },
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
