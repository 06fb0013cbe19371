import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { processName, until } from "../../sandbox/processes.ts";
import { lastLine, runStep, type Stubs, writeProgram } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";
import { sh } from "../machine/shell.ts";

let root: string;
/** What the step is given. */
const values = () => ({
  uri: "qemu:///system",
  guest: "duetdev",
  uuid: "uuid-1",
  ...{ memory: 1024, vcpus: 2, type: "kvm", cpu: "maximum", stub: "127.0.0.1:1234", device: "tcp:127.0.0.1:1234" },
  stylesheet: readFileSync(join(import.meta.dirname, "definition.xsl"), "utf8"),
  kernel_stylesheet: readFileSync(join(import.meta.dirname, "own-kernel.xsl"), "utf8"),
  definition: join(root, "domain.xml"),
  proven: "",
  ssh: ["ssh", "-F", "/state/ssh_config", "duetdev"],
  console: join(root, "console of o'dev.log"),
  timeout: 60,
  ...{ watch: join(root, "watch"), reports: join(root, "reports"), told: join(root, "told") },
  ...{ tree: "/nowhere", build: "/nowhere", modules: "/nowhere", uid: 1000, gid: 1000 },
});
const script = (change: Partial<ReturnType<typeof values>> = {}) =>
  scriptText(import.meta.url, "domain.sh", { ...values(), ...change });
beforeEach(() => {
  root = temporaryFolder("boot-");
  writeFileSync(join(root, "domain.xml"), "<domain type='kvm'>\n<uuid>uuid-1</uuid>\n</domain>\n");
});

const panic =
  "Kernel panic - not syncing: Fatal exception\nRebooting never\n---[ end Kernel panic - not syncing ]---\n";

interface Guest {
  /** What libvirt calls its state. */
  readonly state: string;
  /** How often ssh is refused after it was brought up, or "never" if it never answers by itself. */
  readonly refuses?: number | "never";
  /** The command of virsh after which it comes up. Defaults to none: it is up, or not. */
  readonly comesUpAfter?: "start" | "resume" | "reset";
  readonly console?: string;
}

/** A host with one domain. Time does not pass in it: a guest comes up after so many tries. */
function host({ state, refuses = 0, comesUpAfter, console = "login:\n" }: Guest, change: Stubs = {}): Stubs {
  writeFileSync(join(root, "state"), state);
  writeFileSync(values().console, console);
  writeFileSync(join(root, "refusals"), String(refuses === "never" ? 1e6 : comesUpAfter === undefined ? refuses : 1e6));
  return {
    virsh: `cd '${root}'; [ "$1 $2 $3" = '-q -c qemu:///system' ] || exit 9; [ "$4" = dumpxml ] || echo "virsh $4 $6" >>calls
case $4 in dumpxml) cat domain.xml;; domiflist) echo 'vnet3 network duet-dev virtio 52:54:00:04:4d:14';; domstate) cat state;; start|resume) echo running >state;; esac
if [ "$4" = '${comesUpAfter ?? ""}' ]; then echo ${refuses === "never" ? 1e6 : refuses} >refusals; fi`,
    ssh: `cd '${root}'; case "$*" in *'-O exit'*) echo 'ssh exit' >>calls; exit 1;; *cloud-init*) echo cloud-init >>calls; exit 2;; esac
left=$(cat refusals); [ "$left" = 0 ] || { echo $((left - 1)) >refusals; exit 255; }
case "$*" in *'echo yes') echo yes;; esac`,
    sleep: ":",
    ss: ":",
    gdb: `echo "gdb $*" >>'${root.replaceAll("'", "'\\''")}/calls'`,
    ...change,
  };
}

const calls = () => (existsSync(join(root, "calls")) ? readFileSync(join(root, "calls"), "utf8") : "");
/** What was done to the domain, other than to look at it. */
const done = () => calls().match(/^virsh (?!dom(?:state|iflist|blkerror)|qemu-monitor-command).*$/gm) ?? [];
const boot = (stubs: Stubs, change: Parameters<typeof script>[0] = {}) => runStep(script(change), "create", { stubs });

describe("a guest", () => {
  it("that runs and answers is left alone", async () => {
    expect(await boot(host({ state: "running" }))).toMatchObject({ code: 0, stdout: "" });
    expect(done()).toEqual([]);
  });

  it("that is booting is waited for", async () => {
    expect((await boot(host({ state: "running", refuses: 3 }))).code).toBe(0);
    expect(done()).toEqual([]);
  });

  it("is asked again, not through a shared connection that may have died with it", async () => {
    await boot(host({ state: "running" }));
    expect(calls()).toMatch(/^(?:virsh domstate duetdev\n)*ssh exit\n/);
  });

  it("has had its first boot completed by cloud-init, whatever cloud-init thinks of it", async () => {
    expect((await boot(host({ state: "running" }))).code).toBe(0);
    expect(calls()).toContain("cloud-init\n");
  });

  it("that is paused is resumed, as gdb leaves it so", async () => {
    expect((await boot(host({ state: "paused", comesUpAfter: "resume" }))).code).toBe(0);
    expect(done()).toEqual(["virsh resume duetdev"]);
    // A gdb that was killed has left its breakpoints: one that attaches and detaches drops them.
    expect(calls()).toMatch(/^gdb .* target remote 127\.0\.0\.1:1234 -ex detach\n(?:virsh dom.*\n)*virsh resume/m);
  });

  it("that the host has no space for goes on if there is some by now, and is named if there is none", async () => {
    const noSpace = `[ "$4" != domblkerror ] || { echo 'vda: no space'; exit; }`;
    const stubs = host({ state: "paused", comesUpAfter: "resume" });
    const ran = await boot({ ...stubs, virsh: `${noSpace}\n${stubs.virsh}` });
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^cannot go on with domain duetdev: .* no space left for its disk; free some, then /);
    expect(done()).toEqual(["virsh resume duetdev"]);
    // It may be stopped while it boots.
    const booting = host({ state: "running", refuses: "never" });
    const waited = await boot({ ...booting, virsh: `${noSpace}\n${booting.virsh}` }, { timeout: 0 });
    expect(lastLine(waited)).toBe(lastLine(ran));
    const explained = await runStep(script(), "explain", { stubs: { ...stubs, virsh: noSpace } });
    expect(explained.stdout).toMatch(/^cannot go on with domain duetdev: .*, then run pulumi up\n$/);
  });

  it("that a debugger holds is not taken from it: the debugger is named", async () => {
    const ss = `case "$*" in *'established dport = :1234'*) echo 'ESTAB 0 0 127.0.0.1:5 127.0.0.1:1234 users:(("gdb",pid=77,fd=3))';; esac`;
    const ran = await boot(host({ state: "paused" }, { ss }));
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^cannot resume domain duetdev: .*gdb \(pid 77\); /);
    expect(done()).toEqual([]);
  });

  it("whose link is down is not waited for: the link is named", async () => {
    const ip = "echo '7: vnet3: <BROADCAST,MULTICAST> mtu 1500 qdisc fq master duet-1 state DOWN'";
    const ran = await boot(host({ state: "running", refuses: "never" }, { ip }));
    expect([ran.code, done()]).toEqual([1, []]);
    expect(lastLine(ran)).toMatch(/^cannot reach duetdev: its link vnet3 is down; do ip link set vnet3 up/);
  });

  it("that has lost its bridge starts again, since no reset puts it there", async () => {
    const ip = "echo '7: vnet3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq state UNKNOWN'";
    expect((await boot(host({ state: "running", refuses: 1, comesUpAfter: "start" }, { ip }))).code).toBe(0);
    expect(done()).toEqual(expect.arrayContaining(["virsh destroy duetdev", "virsh start duetdev"]));
  });

  it.each(["shut off", "crashed"])("that is %s is started", async (state) => {
    expect((await boot(host({ state, comesUpAfter: "start", refuses: 2 }))).code).toBe(0);
    expect(done()).toEqual(["virsh destroy duetdev", "virsh start duetdev"]);
  });

  it.each([
    ["qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory", "free some memory of the host"],
    [
      "qemu closed the monitor:\nqemu: mprotect: Cannot allocate memory\nqemu: no buffer",
      "free some memory of the host",
    ],
    ["Cannot access storage file '/img'", "repair that"],
    ["internal error: process exited while connecting to monitor", "repair that"],
  ])("that libvirt cannot start is named with the reason, in a line: %j", async (said, advice) => {
    const why = said.replaceAll("\n", " ");
    const virsh = `case $4 in dumpxml) cat '${root}/domain.xml';; domstate) echo 'shut off';; start) printf 'error: Failed to start domain\nerror: %s\n\n' "${said}" >&2; exit 1;; esac`;
    const ran = await boot(host({ state: "shut off" }, { virsh }));
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^cannot start domain duetdev: /);
    expect(lastLine(ran)).toContain(`${why}; ${advice}`);
  });

  it("whose QEMU dies without a word is started once more, and that is said", async () => {
    const died = "echo 'error: internal error: process exited while connecting to monitor' >&2; exit 1";
    const guest = host({ state: "shut off", comesUpAfter: "start", refuses: 2 });
    const virsh = `case $4 in start) [ -e '${root}/tried' ] || { >'${root}/tried'; ${died}; } ;; esac\n${guest.virsh}`;
    const ran = await boot({ ...guest, virsh });
    expect(ran.stderr).toContain("QEMU of duetdev ended without a word as it began; it is started again\n");
    expect([ran.code, done()]).toEqual([0, ["virsh destroy duetdev", "virsh start duetdev"]]);
  });

  it("is not started while another process listens on its stub's port, which is named", async () => {
    const ss = `case "$*" in *'sport = :1234'*) echo 'LISTEN 0 1 127.0.0.1:1234 0.0.0.0:* users:(("nc",pid=${process.pid},fd=3))';; esac`;
    const ran = await boot(host({ state: "shut off" }, { ss }));
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(
      new RegExp(`^cannot start domain duetdev .*127\\.0\\.0\\.1:1234: process ${process.pid} \\(.+\\) listens there`),
    );
    expect(done()).toEqual([]);
  });

  it("that has panicked is reset at once, and is not taken for panicked while it boots again", async () => {
    const ran = await boot(host({ state: "running", comesUpAfter: "reset", refuses: 4, console: panic }));
    expect(ran.stderr).toMatch(/^duetdev panicked: Fatal exception\nduetdev did not answer; resetting it\n$/);
    expect(ran.code).toBe(0);
    expect(done()).toEqual(["virsh reset duetdev"]);
  });

  it("whose code QEMU translates gets another QEMU in the place of a reset, unless a debugger is attached", async () => {
    writeFileSync(join(root, "domain.xml"), "<domain type='qemu'>\n<uuid>uuid-1</uuid>\n</domain>\n");
    const panicked: Guest = { state: "running", comesUpAfter: "start", refuses: 4, console: panic };
    expect((await boot(host(panicked), { type: "qemu" })).code).toBe(0);
    expect(done()).toEqual(["virsh destroy duetdev", "virsh start duetdev"]);
    rmSync(join(root, "calls"));
    const gdb = `case "$*" in *dport*) echo 'ESTAB 0 0 127.0.0.1:5 127.0.0.1:1234 users:(("gdb",pid=${process.pid},fd=3))';; esac`;
    const stubs = host({ ...panicked, comesUpAfter: "reset" }, { ss: gdb });
    expect((await boot(stubs, { type: "qemu" })).code).toBe(0);
    expect(done()).toEqual(["virsh reset duetdev"]);
  });

  it.runIf(process.getuid?.() === 0)(
    "that has crashed has that written down before anything resets it, and told in a line",
    async () => {
      const report = join(root, "reports/2026-01-01");
      const collect = sh`echo collect >>${join(root, "calls")}; mkdir -p ${report}; echo 'panicked: gone; at f (/m/main.c:3)' >${join(report, "story")}`;
      writeProgram(join(root, "watch/duet-watch"), collect.shell);
      const ran = await boot(host({ state: "crashed", comesUpAfter: "start", refuses: 2 }));
      expect(ran.stderr).toBe(`duetdev panicked: gone; at f (/m/main.c:3); report: ${report}/report.txt\n`);
      expect(calls()).toMatch(/collect\n(?:virsh dom.*\n|ssh exit\n)*virsh destroy duetdev\nvirsh start duetdev\n/);
      // Once.
      expect((await boot(host({ state: "crashed", comesUpAfter: "start" }))).stderr).toBe("duetdev panicked: \n");
      const later = join(root, "reports/2026-01-02");
      mkdirSync(later);
      writeFileSync(join(later, "story"), "panicked: again\n");
      const explained = await runStep(script(), "explain", { stubs: host({ state: "running", console: panic }) });
      expect(explained.stdout).toBe(
        `guest duetdev panicked: again; report: ${later}/report.txt; pulumi up resets it\n`,
      );
    },
  );

  it("that is started is not taken for panicked by what its console said before", async () => {
    const ran = await boot(host({ state: "shut off", comesUpAfter: "start", refuses: 3, console: panic }));
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    expect(done()).not.toContain("virsh reset duetdev");
  });

  it("that panics again after its reset is an error with the last lines of its console", async () => {
    const stubs = host({ state: "running", refuses: "never", console: panic });
    const again = `${stubs.virsh}
if [ "$4" = reset ]; then printf '%s\\n' 'second boot' a b c 'Kernel panic - not syncing: VFS' '---[ end Kernel panic - not syncing: VFS ]---' >>'${values().console.replaceAll("'", "'\\''")}'; fi`;
    const ran = await boot({ ...stubs, virsh: again });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain("second boot\na\n");
    expect(lastLine(ran)).toMatch(/^cannot reach duetdev: .*panicked again: VFS; /);
    expect(lastLine(ran)).toContain(values().console);
    expect(done()).toEqual(["virsh reset duetdev"]);
  });

  it("that hangs is reset once, and is an error if that did not help", async () => {
    const ran = await boot(host({ state: "running", refuses: "never", console: "a\nlast line\n" }), { timeout: 0 });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain("last line\n");
    expect(lastLine(ran)).toMatch(/^cannot reach duetdev: .* \d+ s; /);
    expect(done()).toEqual(["virsh reset duetdev"]);
  });

  it("with a quoted name is asked for by that name", async () => {
    const stubs = host({ state: "shut off", comesUpAfter: "start" });
    await boot(stubs, { guest: "it's $(x)" });
    expect(done()).toEqual(["virsh destroy it's $(x)", "virsh start it's $(x)"]);
  });
});

describe("why other steps of a guest fail", () => {
  const explain = async (console: string) =>
    (await runStep(script(), "explain", { stubs: host({ state: "running", console }) })).stdout;

  it("is its panic, if it is in one", async () => {
    expect(await explain(panic)).toMatch(/^guest duetdev panicked: Fatal exception; pulumi up resets it/);
    expect(await explain(`${panic}\n\n\n\nlogin:\n`)).toBe("");
    expect(await explain("login:\n")).toBe("");
  });
});

describe("the facts of a guest", () => {
  const facts = async (stubs: Stubs) =>
    (await runStep(script(), "facts", { stubs })).stdout.replace(/^domain definition: \w+\n/, "");

  it("tell whether it runs, and whether it answers", async () => {
    expect(await facts(host({ state: "running" }))).toBe("domain: running\nanswers ssh: yes\n");
    expect(await facts(host({ state: "running", refuses: "never" }))).toBe("domain: running\nanswers ssh: no\n");
  });

  it("do not wait for a guest that cannot answer", async () => {
    const ssh = `case "$*" in *'echo yes') echo $$ >'${root}/pid'; exec tail -f /dev/null;; esac`;
    expect(await facts(host({ state: "paused" }, { ssh }))).toBe("domain: paused\nanswers ssh: no\n");
    const pid = existsSync(join(root, "pid")) ? Number(readFileSync(join(root, "pid"), "utf8")) : 0;
    expect(await until(2000, () => processName(pid) === undefined)).toBe(true);
  });

  it("read the domain while the guest is being asked", async () => {
    const { virsh, ...others } = host({ state: "running" });
    // Neither comes to an end without the other: ssh answers once libvirt was asked, and libvirt once ssh was.
    const meet = (own: string, other: string) =>
      `: >'${root}/${own}'; for _ in $(seq 100); do [ -e '${root}/${other}' ] && break; /bin/sleep 0.05; done; [ -e '${root}/${other}' ] || exit 1`;
    const ssh = `case "$*" in *'echo yes') ${meet("ssh", "dumpxml")}; echo yes;; esac`;
    const asked = `if [ "$4" = dumpxml ]; then ${meet("dumpxml", "ssh")}; fi\n${virsh}`;
    expect(await facts({ ...others, ssh, virsh: asked })).toBe("domain: running\nanswers ssh: yes\n");
    const { stdout } = await runStep(script(), "facts", { stubs: { ...others, ssh, virsh: asked } });
    expect(stdout).toMatch(/^domain definition: \w{16}\n/);
  });

  it("tell that there is no such domain", async () => {
    expect(await facts(host({ state: "" }, { virsh: "echo error >&2; exit 1" }))).toBe(
      "domain: undefined\nanswers ssh: no\n",
    );
  });

  it("change nothing", async () => {
    await facts(host({ state: "shut off" }));
    expect(done()).toEqual([]);
  });
});
