import { sh } from "../../components/index.ts";
import { demand } from "../e2e/checks.ts";
import { drifts, problem } from "../e2e/pulumi-output.ts";
import { shared, type TestStack } from "../e2e/stack.ts";
import { lines } from "../support/lines.ts";
import { bootOf, type FieldCase, staysClean } from "./case.ts";

const source = `${shared}/duet-module/main.c`;

/** Adds a line to the module, so that up has another build to load. */
async function edit(stack: TestStack, mark: string): Promise<void> {
  await stack.host(sh`printf '\nMODULE_INFO(field, "%s");\n' ${mark} >>${source}`);
}

async function mend(stack: TestStack): Promise<void> {
  await stack.host(sh`sed -i '/^MODULE_INFO(field, /d' ${source}; sed -i '$ { /^$/ d }' ${source}`);
}

/** Does something while a gdb is attached to a guest, whose pid it is given. */
async function beside(
  stack: TestStack,
  guest: string,
  after: string,
  work: (pid: string) => Promise<void>,
): Promise<void> {
  const { gdbPort } = stack.access(guest);
  const words = [
    `file ${stack.build}/vmlinux`,
    "set tcp connect-timeout 15",
    `target remote 127.0.0.1:${gdbPort}`,
    after,
  ];
  const all = words.flatMap((word) => ["-ex", word]);
  const isThere = sh`[ -n "$(ss -Htn state established ${`dport = :${gdbPort}`})" ]`;
  const pid = await stack.inside(
    lines(
      sh`setsid gdb -nx -batch ${all} </dev/null >/dev/null 2>&1 & pid=$!`,
      sh`for _ in $(seq 100); do if ${isThere}; then break; fi; sleep 0.2; done; sleep 3`,
      sh`if ! ${isThere}; then kill -KILL -- "-$pid"; exit 1; fi; echo "$pid"`,
    ),
  );
  try {
    await work(pid);
  } finally {
    await stack.host(sh`kill -KILL -- ${`-${pid}`} 2>/dev/null || true`);
  }
}

const loadedMark = sh`modinfo -F field duet`;

/** A debugger that is attached while `up` has work to do. None is ever ended. */
export const debuggerCases: readonly FieldCase[] = [
  {
    kind: 5,
    name: "a debugger is attached and lets the guest run, while the module is to be loaded anew",
    run: async (stack) => {
      const boot = await bootOf(stack, "one");
      await beside(stack, "one", "continue", async (pid) => {
        await edit(stack, "beside gdb");
        const { output } = await stack.run("up").finally(() => mend(stack));
        demand("what up says", output, new RegExp(`one is not proven debuggable: gdb \\(pid ${pid}\\) is attached`));
        demand("the module that is loaded", await stack.guest("one", loadedMark), "beside gdb");
        demand("gdb", await stack.host(sh`cat /proc/${pid}/comm`), "gdb");
      });
      const preview = await stack.run("preview");
      const said = drifts(preview.output).map(({ words }) => words);
      demand("what preview says once it is gone", said.join(), /proof: expected left out, found due/);
      await stack.run("up");
      await staysClean(stack);
      demand("the boot of the guest", await bootOf(stack, "one"), boot);
    },
  },
  {
    kind: 5,
    name: "a debugger is attached and has stopped the guest",
    run: async (stack) => {
      const boot = await bootOf(stack, "one");
      await beside(stack, "one", "shell sleep 300", async (pid) => {
        const { code, output, seconds } = await stack.attempt("up");
        demand("the exit code of up", String(code !== 0), "true");
        demand("what up says", problem(output), new RegExp(`gdb \\(pid ${pid}\\)`));
        demand("whether up took less than 10 s", seconds < 10 ? "less" : `${seconds} s`, "less");
        demand("gdb", await stack.host(sh`cat /proc/${pid}/comm`), "gdb");
      });
      await stack.run("up");
      await staysClean(stack);
      demand("the boot of the guest", await bootOf(stack, "one"), boot);
    },
  },
];
