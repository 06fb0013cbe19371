import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, it } from "vitest";
import { lastLine, runScript, type Stubs } from "../../test/run-script.ts";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import type { Machine } from "../machine/machine.ts";
import { lines } from "../machine/shell.ts";
import type { StepArgs } from "../machine/step.ts";
import {
  commandFileFacts,
  DebugSession,
  parseProof,
  proveDebuggable,
  type SessionArgs,
  writeCommandFile,
} from "./debug-session.ts";
import { attachCommands, proofCommandFile, userCommandFile } from "./gdb-commands.ts";

const session: SessionArgs = {
  uri: "qemu:///system",
  domain: "duetdev",
  port: 1234,
  directory: "/media/data/duet",
  buildDirectory: "/media/data/duet/build/duet-kernel",
  moduleDirectory: "/media/data/duet/duet-module",
  functionName: "duet_handle_event",
};

/** What gdb 13 printed in a session with the sample module. */
const gdbOutput = `loading @0xffffffffa0000000: /media/data/duet/duet-module/duet.ko
proof: lines
Line 40 of "/media/data/duet/duet-module/hook.c" starts at address 0xffffffffa0000d30 <duet_handle_event> and ends at 0xffffffffa0000d35 <duet_handle_event+5>.
duet_handle_event in section .text of /media/data/duet/duet-module/duet.ko
   0xffffffffa0000d30 <duet_handle_event>:	call   0xffffffff8105f6a0 <__fentry__>
proof: done
[Inferior 1 (process 1) detached]`;

let folder: string;
let calls: string;
beforeEach(() => {
  folder = temporaryFolder("session-");
  calls = join(folder, "calls");
});

/** A host with a guest that libvirt calls paused, and a gdb that does what the test says. */
function host(gdb: string, established = ""): Stubs {
  return {
    ss: `case $* in *established*) printf '%s' '${established}';; *) echo 'LISTEN 0 1 127.0.0.1:1234';; esac`,
    virsh: `echo "virsh $*" >>'${calls}'; case $* in *domstate*) echo paused;; esac`,
    gdb,
  };
}

const show = (text: string) => `cat <<'END'\n${text}\nEND`;
const prove = (stubs: Stubs, change: Partial<SessionArgs> = {}) =>
  runScript(proveDebuggable({ ...session, ...change }), stubs);
const resumed = () => readFileSync(calls, "utf8").includes("virsh -q -c qemu:///system resume duetdev\n");

describe("a debug session", () => {
  it("prints where gdb finds the function, and resumes the guest", async () => {
    const ran = await prove(host(show(gdbOutput)));
    expect(ran.code).toBe(0);
    expect(parseProof(ran.stdout)).toEqual({
      function: "duet_handle_event",
      address: "0xffffffffa0000d30",
      file: "/media/data/duet/duet-module/hook.c",
      line: 40,
    });
    expect(resumed()).toBe(true);
  });

  it("says what gdb says when it does not find the function, and resumes the guest", async () => {
    const missing = 'loading vmlinux\nproof: lines\nNo symbol "duet_handle_event" in current context.';
    const ran = await prove(host(`${show(missing)}; exit 1`));
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toBe(
      'gdb is to find duet_handle_event of the module in duetdev, and says: No symbol "duet_handle_event" in current context.',
    );
    expect(resumed()).toBe(true);
  });

  it("refuses a function of the kernel, and a module from another path", async () => {
    const kernel = gdbOutput.replace("of /media/data/duet/duet-module/duet.ko", "of /other/vmlinux");
    expect(lastLine(await prove(host(show(kernel))))).toContain("it is not in the module in /media/data/duet/duet");
    const elsewhere = gdbOutput.replace("/media/data/duet/duet-module/hook.c", "/tmp/hook.c");
    expect(lastLine(await prove(host(show(elsewhere))))).toContain("finds it in /tmp/hook.c: build the module at");
  });

  it("names the gdb that is attached already, and leaves it alone", async () => {
    const client = 'ESTAB 0 0 127.0.0.1:5 127.0.0.1:1234 users:(("gdb",pid=77,fd=3))';
    const ran = await prove(host("exit 9", client));
    expect(lastLine(ran)).toBe(
      "the gdb stub of duetdev at 127.0.0.1:1234 is to be used, and takes one client, which is gdb (pid 77): detach there and run this again",
    );
    expect(() => readFileSync(calls)).toThrow();
  });

  it("says that nothing listens", async () => {
    const ran = await prove({ ...host(""), ss: ":" });
    expect(lastLine(ran)).toContain("127.0.0.1:1234 is to be used, and nothing listens there");
  });

  it("ends gdb and resumes the guest when it is told to end", async () => {
    const slow = `sleep 20 & nap=$!; trap "kill $nap; echo detached >>'${calls}'; exit 0" TERM; kill -TERM $STUB_SHELL; wait`;
    const script = lines({ shell: "export STUB_SHELL=$BASHPID" }, proveDebuggable(session));
    const ran = await runScript(script, host(slow));
    expect(ran.code).not.toBe(0);
    expect(readFileSync(calls, "utf8")).toMatch(/^detached\n/);
    expect(resumed()).toBe(true);
  });
});

describe("gdb's commands", () => {
  it("load the module's symbols last, without looking through the folder in which a user is", () => {
    const commands = attachCommands(session);
    expect(commands.at(-1)).toBe("lx-symbols /media/data/duet/duet-module");
    expect(commands.at(-2)).toBe("target remote 127.0.0.1:1234");
    expect(commands[0]).toBe("cd /media/data/duet/duet-module");
  });

  it("are written for the user, and known by their checksum", async () => {
    const file = join(folder, "a folder", "gdb");
    await runScript(writeCommandFile(session, file));
    expect(readFileSync(file, "utf8")).toBe(userCommandFile(session));
    expect((await runScript(commandFileFacts(file))).stdout).toMatch(/^gdb commands: [0-9a-f]{16}\n$/);
  });

  it("hold no path or name that says more to gdb than itself", () => {
    expect(() => userCommandFile({ ...session, moduleDirectory: "/a\nshell reboot" })).toThrow(/gdb is to use/);
    expect(() => proofCommandFile(session, "f\nshell reboot")).toThrow(/no name in C/);
  });
});

describe("DebugSession", () => {
  it("proves again for another build, after what it depends on", async () => {
    const steps: StepArgs[] = [];
    const step = (_: string, args: StepArgs) => {
      steps.push(args);
      return { stdout: pulumi.output("function: f\naddress: 0x1\nfile: /m.c\nline: 3"), resource: {} };
    };
    pulumi.runtime.setMocks({
      newResource: (args) => ({ id: args.name, state: args.inputs }),
      call: (args) => args.inputs,
    });
    const { port: gdbPort, ...rest } = session;
    const made = new DebugSession("session", {
      ...rest,
      host: { step } as unknown as Machine,
      gdbPort: pulumi.output(gdbPort),
      builds: [pulumi.output("id1"), "kernel 2"] as unknown as pulumi.Input<string[]>,
      commandFile: "/state/gdb",
      dependsOn: [],
    });
    const proof = await new Promise((resolve) => made.proof.apply(resolve));
    expect(proof).toEqual({ function: "f", address: "0x1", file: "/m.c", line: 3 });
    const create = await new Promise<string>((resolve) =>
      pulumi.output(steps[0]?.create).apply((script) => resolve(script?.shell ?? "")),
    );
    expect(create).toMatch(/^: id1 'kernel 2'\n/);
    expect(create).toContain("info line duet_handle_event");
  });
});
