import { type Shell, sh } from "../../components/index.ts";
import { demand } from "../e2e/checks.ts";
import { kernel } from "../e2e/stack.ts";
import { change, type FieldCase } from "./case.ts";

/** What gdb knows of what runs. */
export const symbolCases: readonly FieldCase[] = [
  {
    kind: 6,
    name: "a module of the kernel's own, which the spec has configured, has its symbols in gdb",
    run: async (stack) => {
      await change(stack, { "duet:kernel": { ...kernel, config: ["CONFIG_NETDEVICES=y", "CONFIG_DUMMY=m"] } });
      await stack.guest("one", sh`modprobe dummy`);
      const gdb: Shell = { shell: stack.access("one").gdbCommand };
      const printed = await stack.host(sh`${gdb} -batch -ex 'info line dummy_xmit' </dev/null 2>&1`, 180);
      demand("what gdb says of dummy_xmit", printed, /Line \d+ of ".*drivers\/net\/dummy\.c" (?:starts|is) at address/);
      await change(stack, {});
    },
  },
];
