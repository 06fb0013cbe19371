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

/** Starts a gdb that attaches to a guest and stays. @returns its pid */
async function attach(stack: TestStack, guest: string, ...after: readonly string[]): Promise<string> {
  const { gdbPort } = stack.access(guest);
  const words = [`file ${stack.build}/vmlinux`, "set tcp connect-timeout 15", `target remote 127.0.0.1:${gdbPort}`];
  const all = [...words, ...after].flatMap((word) => ["-ex", word]);
  const isThere = sh`[ -n "$(ss -Htn state established ${`dport = :${gdbPort}`})" ]`;
  return await stack.inside(
    lines(
      sh`setsid gdb -nx -batch ${all} </dev/null >/dev/null 2>&1 & pid=$!`,
      sh`for _ in $(seq 100); do if ${isThere}; then break; fi; sleep 0.2; done; sleep 3; ${isThere}; echo "$pid"`,
    ),
  );
}

async function detach(stack: TestStack, pid: string): Promise<void> {
  await stack.host(sh`kill -KILL -- ${`-${pid}`} 2>/dev/null || true`);
}

const loadedMark = sh`modinfo -F field duet`;

/** A debugger that is attached while `up` has work to do. None is ever ended. */
export const debuggerCases: readonly FieldCase[] = [
  {
    kind: 5,
    name: "a debugger is attached and lets the guest run, while the module is to be loaded anew",
    run: async (stack) => {
      const boot = await bootOf(stack, "one");
      const pid = await attach(stack, "one", "continue");
      try {
        await edit(stack, "beside gdb");
        const { output } = await stack.run("up");
        demand("what up says", output, new RegExp(`one is not proven debuggable: gdb \\(pid ${pid}\\) is attached`));
        demand("the module that is loaded", await stack.guest("one", loadedMark), "beside gdb");
        demand("gdb", await stack.host(sh`cat /proc/${pid}/comm`), "gdb");
        await staysClean(stack);
      } finally {
        await detach(stack, pid);
      }
      const preview = await stack.run("preview");
      demand(
        "what preview says once it is gone",
        drifts(preview.output)
          .map(({ words }) => words)
          .join(),
        "proof: expected left out, found due",
      );
      await stack.run("up");
      await staysClean(stack);
      demand("the boot of the guest", await bootOf(stack, "one"), boot);
      await mend(stack);
    },
  },
  {
    kind: 5,
    name: "a debugger is attached and has stopped the guest",
    run: async (stack) => {
      const boot = await bootOf(stack, "one");
      const pid = await attach(stack, "one", "shell sleep 300");
      try {
        const { code, output, seconds } = await stack.attempt("up");
        demand("the exit code of up", String(code !== 0), "true");
        demand("what up says", problem(output), new RegExp(`gdb \\(pid ${pid}\\)`));
        demand("whether up took less than 10 s", seconds < 10 ? "less" : `${seconds} s`, "less");
        demand("gdb", await stack.host(sh`cat /proc/${pid}/comm`), "gdb");
      } finally {
        await detach(stack, pid);
      }
      await stack.run("up");
      await staysClean(stack);
      demand("the boot of the guest", await bootOf(stack, "one"), boot);
    },
  },
];
