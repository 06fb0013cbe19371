import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { lastLine, runStep, type Stubs } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script-text.ts";
import { definitions, ownKernelStylesheet } from "./definition.ts";

let root: string;
beforeEach(() => {
  root = temporaryFolder("snapshots-");
  write("domain.xml", domain());
  write("defined.xml", domain());
  write("state", "running");
  write("version", "QEMU 7.2.0");
  write("boots", "1");
});

const read = (name: string) => (existsSync(join(root, name)) ? readFileSync(join(root, name), "utf8") : "");
const write = (name: string, text: string) => writeFileSync(join(root, name), text);

function domain(memory = 786432): string {
  return `<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <uuid>uuid-1</uuid>
  <description>mine</description>
  <memory unit='KiB'>${memory}</memory>
  <currentMemory unit='KiB'>${memory}</currentMemory>
  <vcpu>2</vcpu>
  <os><type>hvm</type></os>
  <features><vmcoreinfo state='on'/></features>
  <cpu mode='host-passthrough'/>
  <on_crash>preserve</on_crash>
  <devices>
    <disk><source file='/pool/one.qcow2'/><target dev='vda'/></disk>
    <disk><source file='/pool/one-0123456789abcdef-seed.iso'/><target dev='vdb'/><readonly/></disk>
    <panic model='isa'/>
  </devices>
  <qemu:commandline><qemu:arg value='-gdb'/><qemu:arg value='tcp:127.0.0.1:1234'/></qemu:commandline>
</domain>
`;
}

const values = (proven = "duet-proven") => ({
  uri: "qemu:///system",
  guest: "one",
  uuid: "uuid-1",
  ...{ device: "tcp:127.0.0.1:1234", memory: 768, vcpus: 2, type: "kvm", cpu: "host-passthrough" },
  definition: join(root, "domain.xml"),
  stylesheet: definitions,
  proven,
  ssh: ["ssh", "one"],
  console: join(root, "console"),
  ...{ tree: "/nowhere", build: "/nowhere", modules: "/nowhere", uid: 1000, gid: 1000 },
});
const domainStep = (proven?: string, timeout = 60) =>
  scriptText(import.meta.url, "domain.sh", {
    ...values(proven),
    ...{ watch: join(root, "watch"), reports: join(root, "reports"), told: join(root, "told") },
    stub: "127.0.0.1:1234",
    kernel_stylesheet: ownKernelStylesheet,
    timeout,
  });
const takeStep = (state = "s1") =>
  scriptText(import.meta.url, "snapshot.sh", { ...values(), stub: "127.0.0.1:1234", state });
const voidStep = () => scriptText(import.meta.url, "snapshot-void.sh", { ...values(), state: "s1" });

/** A libvirt of one domain, whose snapshot is a file; what boots has booted once more, and what goes back has not. */
function host(change: Stubs = {}): Stubs {
  return {
    virsh: `cd '${root}'; command=$4; echo "$command" >>calls
case $command in
  dumpxml) cat defined.xml;;
  domstate) cat state;;
  version) printf 'Using library: libvirt 9.0.0\\nRunning hypervisor: %s\\n' "$(cat version)";;
  snapshot-create) sed 's|<description>|\\n  <description>|; s|</description>|&\\n|' "$7" >snapshot; echo '    <description>mine</description>' >>snapshot;;
  snapshot-dumpxml) cat snapshot 2>/dev/null;;
  snapshot-delete) [ -e snapshot ] && mv snapshot deleted;;
  snapshot-revert) [ ! -e damaged ] || { echo 'error: damaged' >&2; echo 'shut off' >state; exit 1; }; echo running >state; echo yes >answers;;
  destroy) echo 'shut off' >state;;
  start) echo running >state; echo yes >answers; echo $(($(cat boots) + 1)) >boots;;
esac`,
    ssh: `cd '${root}'; case "$*" in *'-O exit'*) exit 1;; *'date -s'*) echo clock >>calls;; esac
[ "$(cat answers)" = yes ]`,
    sleep: ":",
    ss: ":",
    gdb: ":",
    ...change,
  };
}

const run = (script: string, verb: "create" | "facts" | "delete", change: Stubs = {}) =>
  runStep(script, verb, { stubs: host(change) });
const take = () => run(takeStep(), "create");
const facts = async () => (await run(takeStep(), "facts")).stdout;
/** The guest has panicked, and up comes. */
const crash = async (proven?: string, change: Stubs = {}) => {
  write("state", "crashed");
  write("answers", "no");
  write("console", "Kernel panic - not syncing: it did\n---[ end Kernel panic - not syncing: it did ]---\n");
  write("calls", "");
  return run(domainStep(proven), "create", change);
};
const hasBooted = () => read("boots") !== "1";

describe("a guest that is kept as it was proven", () => {
  it("goes back to that when it has panicked, with its clock set, and does not boot", async () => {
    expect((await take()).code).toBe(0);
    const ran = await crash();
    expect(ran.code).toBe(0);
    expect(ran.stderr).toMatch(/^one goes back to how it was proven: what was written there since is lost$/m);
    expect(hasBooted()).toBe(false);
    expect(read("calls")).toMatch(/\bdestroy\n(?:.*\n)*snapshot-revert\n(?:.*\n)*clock\n/);
  });

  it("goes back when it hangs, too", async () => {
    await take();
    write("answers", "no");
    // Time goes by at once for who waits.
    const ran = await run(domainStep().replace("timeout=60", "timeout=0"), "create");
    expect(ran.stderr).toMatch(/did not answer.*\none goes back/s);
    expect([ran.code, hasBooted()]).toEqual([0, false]);
  });

  it("boots if it was off, and if none is asked for", async () => {
    await take();
    write("state", "shut off");
    await run(domainStep(), "create");
    expect([hasBooted(), read("calls").includes("revert")]).toEqual([true, false]);
    write("boots", "1");
    await crash("");
    expect([hasBooted(), read("calls").includes("revert")]).toEqual([true, false]);
  });

  it("boots the second time within two minutes: what was proven may be what took it down", async () => {
    await take();
    await crash();
    await crash();
    expect([hasBooted(), read("calls").includes("revert")]).toEqual([true, false]);
    const long = new Date(Date.now() - 200_000);
    utimesSync(join(root, "domain.xml.went-back"), long, long);
    write("boots", "1");
    await crash();
    expect([hasBooted(), read("calls").includes("revert")]).toEqual([false, true]);
  });

  it.each([
    ["QEMU", () => write("version", "QEMU 8.0.0")],
    [
      "definition",
      () =>
        write(
          "defined.xml",
          domain().replace("value='-gdb'/>", "value='-gdb'/><!-- -->").replace("<vcpu>2", "<vcpu placement='static'>2"),
        ),
    ],
  ])("boots if it was kept with another %s, and says so", async (_what, become) => {
    await take();
    become();
    write("domain.xml", read("defined.xml"));
    const ran = await crash();
    expect(ran.stderr).toMatch(/cannot go back to how it was proven: its definition, QEMU or processor is another one/);
    expect([ran.code, hasBooted()]).toEqual([0, true]);
  });

  it("boots if what was kept is damaged, and says so", async () => {
    await take();
    write("damaged", "");
    const ran = await crash();
    expect(ran.stderr).toMatch(
      /^one cannot go back to how it was proven: .*; it boots, and the next up keeps it anew$/m,
    );
    expect([ran.code, hasBooted()]).toEqual([0, true]);
    expect(await facts()).toMatch(/^snapshot: none$/m);
  });

  it("starts if going back has only cut it off, after it hung", async () => {
    await take();
    write("damaged", "");
    write("answers", "no");
    const ran = await run(domainStep("duet-proven", 1), "create");
    expect([ran.code, hasBooted(), read("state")]).toEqual([0, true, "running\n"]);
    expect(read("calls")).not.toMatch(/^reset$/m);
  });

  it("is forgotten before anything in it becomes another, and at destroy", async () => {
    await take();
    await run(voidStep(), "create");
    expect(existsSync(join(root, "snapshot"))).toBe(false);
    await crash();
    expect(hasBooted()).toBe(true);
    await take();
    await run(takeStep(), "delete");
    expect(existsSync(join(root, "snapshot"))).toBe(false);
    expect((await run(takeStep(), "delete")).code).toBe(0);
  });

  it("drifts if what was kept is gone, or goes with another machine", async () => {
    await take();
    const before = await facts();
    expect(before).toMatch(/^snapshot: [0-9a-f]{16}\n$/);
    write("version", "QEMU 8.0.0");
    expect(await facts()).toBe(`${before}goes with this machine: no\n`);
    rmSync(join(root, "snapshot"));
    expect(await facts()).toMatch(/^snapshot: none\n/);
  });

  it("is not kept while a debugger is attached, which would be stopped by it, and is due after that", async () => {
    await take();
    const ss = `case "$*" in *established*) echo 'ESTAB 0 0 1:1 1:1234 users:(("gdb",pid=77,fd=3))';; esac`;
    const ran = await run(takeStep("s2"), "create", { ss });
    expect(ran.code).toBe(0);
    expect(lastLine(ran)).toMatch(/^one is not kept as it is proven: gdb \(pid 77\) is attached; /);
    expect(existsSync(join(root, "snapshot"))).toBe(false);
    expect((await run(takeStep(), "facts", { ss })).stdout).toBe("snapshot: left out\n");
    expect(await facts()).toBe("snapshot: due\n");
  });
});
