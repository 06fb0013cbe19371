import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, given, localGuest, localStep, printedOf, scriptOf, settled } from "../../test/support/mocks.ts";
import { lastLine, runBash, runStep, type Stubs } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { DuetModule } from "../duet/module.ts";
import { KernelBuild } from "../kernel/build.ts";
import { KernelConfig } from "../kernel/config.ts";
import { scriptText } from "../machine/script.ts";
import { SourceTree } from "../sources/source-tree.ts";
import { DebugSession } from "./session.ts";

let folder: string;
let calls: string;
let directory: string;
beforeEach(() => {
  folder = temporaryFolder("session-");
  calls = join(folder, "calls");
  directory = join(folder, "shared");
  mkdirSync(join(directory, "duet-module"), { recursive: true });
  writeFileSync(join(directory, "duet-module/hook.c"), "");
});

const values = () => ({
  uri: "qemu:///system",
  guest: "duetdev",
  stub: "127.0.0.1:1234",
  directory,
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  objects: join(directory, "duet-module"),
  module: "duet",
  function: "duet_handle_event",
  user_commands: "for the user\n",
  proof_commands: "for the proof\n",
  command_file: join(folder, "a folder", "gdb"),
  debugger: "",
  debugger_file: "",
  kernel: "k1",
  loaded: "m1",
});
const script = (change = {}) => scriptText(import.meta.url, "session.sh", { ...values(), ...change });

/** What gdb 13 printed in a session with the sample module. */
const gdbOutput = () => `loading @0xffffffffa0000000: ${directory}/duet-module/duet.ko
proof: lines
Line 40 of "hook.c" starts at address 0xffffffffa0000d30 <duet_handle_event> and ends at 0xffffffffa0000d35 <duet_handle_event+5>.
file: ${directory}/duet-module/hook.c
duet_handle_event in section .text of ${directory}/duet-module/duet.ko
   0xffffffffa0000d30 <duet_handle_event>:	call   0xffffffff8105f6a0 <__fentry__>
proof: done
[Inferior 1 (process 1) detached]`;

/** A host with a guest that libvirt calls paused, and a gdb that does what the test says. */
function host(gdb: string, established = ""): Stubs {
  return {
    ss: `case $* in *established*) printf '%s' '${established}';; *) echo 'LISTEN 0 1 127.0.0.1:1234';; esac`,
    virsh: `echo "virsh $*" >>'${calls}'; case $* in *domstate*) echo paused;; esac`,
    gdb,
  };
}

const show = (text: string) => `cat <<'END'\n${text}\nEND`;
const prove = (stubs: Stubs, before = ":") => runStep(script(), "create", { stubs, before });
const resumed = () => readFileSync(calls, "utf8").includes("virsh -q -c qemu:///system resume duetdev\n");

describe("a debug session", () => {
  it("prints where gdb finds the function, and resumes the guest", async () => {
    const ran = await prove(host(show(gdbOutput())));
    expect(ran.code).toBe(0);
    const file = `${directory}/duet-module/hook.c`;
    expect(ran.stdout).toBe(`function: duet_handle_event\naddress: 0xffffffffa0000d30\nfile: ${file}\nline: 40\n`);
    expect(resumed()).toBe(true);
  });

  it("says what gdb says if it does not find the function, and resumes the guest", async () => {
    const missing = 'loading vmlinux\nproof: lines\nNo symbol "duet_handle_event" in current context.';
    const ran = await prove(host(`${show(missing)}; exit 1`));
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^cannot find duet_handle_event .*duetdev.*No symbol "duet_handle_event" in current/);
    expect(resumed()).toBe(true);
  });

  it("refuses a function of the kernel, and a module from another path", async () => {
    const kernel = gdbOutput().replace(/of \S+duet\.ko/, "of /other/vmlinux");
    expect(lastLine(await prove(host(show(kernel))))).toContain(`it is not in the module in ${directory}/duet-module`);
    const elsewhere = gdbOutput().replace(/^file: .*/m, "file: /tmp/hook.c");
    expect(lastLine(await prove(host(show(elsewhere))))).toContain("finds it in /tmp/hook.c;");
    const mapped = gdbOutput().replace("/hook.c", "/map/hook.c");
    expect(lastLine(await prove(host(show(mapped))))).toMatch(/there is no \S+\/map\/hook\.c;/);
    const without = gdbOutput().replace(/^Line 40.*/m, "No line number information available for address 0x1 <f>");
    expect(lastLine(await prove(host(show(without))))).toMatch(/knows no line/);
  });

  const client = 'ESTAB 0 0 127.0.0.1:5 127.0.0.1:1234 users:(("gdb",pid=77,fd=3))';

  it("names the gdb that is attached and has stopped the guest, and leaves it alone", async () => {
    const ran = await prove(host("exit 9", client));
    expect(lastLine(ran)).toMatch(/^cannot use .*duetdev at 127\.0\.0\.1:1234: .*gdb \(pid 77\)/);
    expect(resumed()).toBe(false);
  });

  it("leaves the proof out while a gdb is attached that lets the guest run, and is due once that is gone", async () => {
    const running = (established: string) => ({ ...host("exit 9", established), virsh: "echo running" });
    const ran = await prove(running(client));
    expect([ran.code, ran.stdout]).toEqual([0, "function: duet_handle_event\n"]);
    expect(lastLine(ran)).toMatch(/^duetdev is not proven .*gdb \(pid 77\) is attached; .*lx-symbols /);
    const facts = async (established: string) =>
      (await runStep(script(), "facts", { stubs: running(established) })).stdout;
    expect(await facts(client)).toMatch(/^proof: left out$/m);
    expect(await facts("")).toMatch(/^proof: due$/m);
    await prove(host(show(gdbOutput())));
    expect(await facts("")).not.toContain("proof: ");
  });

  /** The function that is looked for in a module whose object has these, as objdump lists them. */
  const chosen = async (...names: readonly string[]) => {
    const line = (name: string) => `0000000000000010 g     F .text\t0000000000000005 ${name}`;
    const all = ["0000000000000000 l    d  .text\t0000000000000000 .text", ...names.map(line)].join("\n");
    const gdb = `sed -n 's/^looks for //p' "\${@: -1}" >'${calls}.function'; exit 1`;
    const stubs = { ...host(gdb), objdump: show(all) };
    const commands = { function: undefined, proof_commands: "looks for @function@\n" };
    const ran = await runStep(script(commands), "create", { stubs });
    return { ran, looked: existsSync(`${calls}.function`) ? readFileSync(`${calls}.function`, "utf8").trim() : "" };
  };

  it("looks for the module's hook if no function is named, and for its first function if it has none", async () => {
    expect((await chosen("helper", "duet_hook")).looked).toBe("duet_hook");
    expect((await chosen("duet_hook", "duet_handle_event")).looked).toBe("duet_handle_event");
    expect((await chosen("helper", "other")).looked).toBe("helper");
    expect(lastLine((await chosen()).ran)).toMatch(/module duet has no function.*duet:module\.breakpoint/);
  });

  it.runIf(process.getuid?.() === 0)(
    "is the developer's, whose scripts gdb runs, and has nothing of root's",
    async () => {
      const own = script({ uid: 54321, gid: 54322 });
      const gdb = 'echo "gdb of $(id -u):$(id -g) in $(id -G), home ${HOME-}"; cat "${@: -1}"';
      // For others than root.
      const before = 'chmod 755 "$STUBS"';
      const ran = await runStep(own, "create", { stubs: host(gdb), before });
      expect(ran.stderr).toContain("gdb of 54321:54322 in 54322, home \nfor the proof\n");
      expect(resumed()).toBe(true);
    },
  );

  it("says that nothing listens", async () => {
    const ran = await prove({ ...host(""), ss: ":" });
    expect(lastLine(ran)).toContain("127.0.0.1:1234: nothing listens there");
  });

  it("ends gdb and resumes the guest if it is told to end", async () => {
    const slow = `sleep 20 & nap=$!; trap "kill $nap; echo detached >>'${calls}'; exit 0" TERM; kill -TERM $(ps -o sid= $$); wait`;
    const ran = await prove(host(slow));
    expect(ran.code).toBe(143);
    expect(readFileSync(calls, "utf8")).toMatch(/^detached\n/);
    expect(resumed()).toBe(true);
  });
});

/** A session of a guest with all that it needs, against a mocked engine. */
const deployed = (change: { functionName?: string; tree?: string; module?: string; printed?: string } = {}) =>
  deploy(
    () => {
      const guest = localGuest("duetdev");
      const { host } = guest;
      const directory = "/media/data/duet";
      const source = (name: string, source: { tree: string } | { copy: string }) =>
        new SourceTree(`${name}-source`, { host, role: `duet-${name}`, source, directory });
      const sources = { kernel: source("kernel", { copy: "/k" }), module: source("module", { copy: "/m" }) };
      const asked = { base: "tiny", localmodconfig: false, fragments: [] };
      const config = new KernelConfig("kernel-config", { host, source: sources.kernel, directory, ...asked });
      const kernel = new KernelBuild("kernel", { host, source: sources.kernel, config });
      const tree = change.tree === undefined ? sources.module : source("other", { tree: change.tree });
      const module = new DuetModule("module", { host, source: tree, kernel });
      const loaded = module.loadIn(guest, {});
      const { functionName } = change;
      return new DebugSession("session", { guest, directory, kernel, module, loaded, functionName });
    },
    {
      ...printedOf("duetdev"),
      "kernel-source": "commit: c\nhash: h",
      "module-source": "commit: c\nhash: h",
      "other-source": "commit: c\nhash: h",
      "kernel-config": "config: c",
      kernel: "release: r\nbuild-id: kernel-1\npackage: p",
      "module-build": "build-id: m",
      "module-duetdev": `build-id: ${change.module ?? "module-1"}`,
      session: change.printed ?? "function: f\naddress: 0x1\nfile: /m.c\nline: 3",
    },
  );

describe("gdb's commands", () => {
  /** The commands of a file that a step writes, a line each. */
  const commands = async (which: "user_commands" | "proof_commands") => {
    const { script } = scriptOf(localStep(await deployed(), "session"));
    const [, text = ""] = new RegExp(`^${which}='((?:[^']|'\\\\'')*)'`, "m").exec(script) ?? [];
    return text.replaceAll("'\\''", "'").trim().split("\n");
  };

  it.each(["user_commands", "proof_commands"] as const)(
    "load the module's symbols last, without looking through the folder in which a user is: %s",
    async (which) => {
      const all = await commands(which);
      const at = all.indexOf("lx-symbols /media/data/duet/duet-module");
      expect(all[at - 1]).toBe("target remote 127.0.0.1:1240");
      expect(all.indexOf("cd /media/data/duet/build/duet-kernel")).toBeLessThan(
        all.findIndex((line) => /^file /.test(line)),
      );
      expect(all).toContain("source /media/data/duet/build/duet-kernel/vmlinux-gdb.py");
    },
  );

  it("tell a person who is attached before they attach, by a script that is one text of Python's", async () => {
    const all = await commands("user_commands");
    const [, text = ""] = /\["bash", "-c", (".*")\]/.exec(all.join("\n")) ?? [];
    const client = 'ESTAB 0 0 127.0.0.1:5 127.0.0.1:1240 users:(("gdb",pid=77,fd=3))';
    const asked = async (established: string) =>
      (await runBash(JSON.parse(text), { stubs: { ss: `printf '%s' '${established}'` } })).stdout;
    expect([await asked(client), await asked("")]).toEqual(["gdb (pid 77)", ""]);
    expect(all.findIndex((line) => line.includes("quit 1"))).toBeLessThan(all.indexOf("target remote 127.0.0.1:1240"));
    expect((await commands("proof_commands")).join()).not.toContain("quit 1");
  });

  it("are written for the user, and known by their checksum", async () => {
    const file = values().command_file;
    await prove(host(show(gdbOutput())));
    expect(readFileSync(file, "utf8")).toBe("for the user\n");
    expect((await runStep(script(), "facts")).stdout).toMatch(/^gdb commands: [0-9a-f]{16}\n$/);
  });

  it("are called by root through a file that only root reads, which is known too, and goes with them", async () => {
    const file = `${values().command_file}.sh`;
    const own = script({ debugger: "#!/bin/sh\necho gdb", debugger_file: file });
    await runStep(own, "create", { stubs: host(show(gdbOutput())) });
    expect([statSync(file).mode & 0o777, readFileSync(file, "utf8")]).toEqual([0o700, "#!/bin/sh\necho gdb\n"]);
    const facts = async () => (await runStep(own, "facts")).stdout;
    const before = await facts();
    writeFileSync(file, "another");
    expect(await facts()).not.toBe(before);
    await runStep(own, "delete");
    expect(readdirSync(dirname(file))).toEqual([]);
  });

  it("hold no path or name that says more to gdb than itself", async () => {
    await expect(deployed({ tree: "/a\nshell reboot" })).rejects.toThrow(/cannot give gdb the path/);
    await expect(deployed({ functionName: "f\nshell reboot" })).rejects.toThrow(/no name in C/);
  });
});

describe("DebugSession", () => {
  it("proves again for another build, and hands on what it has found", async () => {
    const { value } = await deployed();
    expect((await settled(value.proof)).value).toEqual({ function: "f", address: "0x1", file: "/m.c", line: 3 });
    const step = localStep(await deployed({ module: "module-2" }), "session");
    const leftOut = await deployed({ printed: "function: f" });
    expect((await settled(leftOut.value.proof)).value).toBeUndefined();
    expect([given(step, "kernel"), given(step, "loaded")]).toEqual(["kernel-1", "module-2"]);
  });
});
