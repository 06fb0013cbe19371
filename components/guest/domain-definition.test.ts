import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { lastLine, runStep, type Stubs } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";

let root: string;
beforeEach(() => {
  root = temporaryFolder("definitions-");
});

/** What a domain has so that a crash of it can be read. */
const crash = {
  elements: "\n  <features><acpi/><vmcoreinfo state='on'/></features>\n  <on_crash>preserve</on_crash>",
  devices: "\n    <panic model='isa'><address type='isa' iobase='0x505'/></panic>",
};
const definition = (
  id: string,
  { disk = "", devices = "", elements = "", argument = "", kernel = "", ofCrash = crash } = {},
) =>
  `<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <uuid>${id}</uuid>
  <memory unit='KiB'>786432</memory>
  <currentMemory unit='KiB'>786432</currentMemory>
  <vcpu placement='static'>2</vcpu>
  <os><type arch='x86_64'>hvm</type>${kernel}<boot dev='hd'/></os>${ofCrash.elements}${elements}
  <cpu mode='maximum' check='none'/>
  <devices>
    <disk type='volume' device='disk'>
      ${disk || "<source pool='duet-dev' volume='one.qcow2'/>"}
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='network'>
      <mac address='52:54:00:04:4d:14'/>
      <source network='duet-dev'/>
    </interface>${ofCrash.devices}${devices}
    <memballoon model='virtio'>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x06' function='0x0'/>
    </memballoon>
  </devices>
  <qemu:commandline>
    <qemu:arg value='-gdb'/>
    <qemu:arg value='tcp:127.0.0.1:1234'/>${argument}
  </qemu:commandline>
</domain>
`;
/** What a person adds. */
const added = {
  devices: "<disk type='file' device='disk'><source file='/my.img'/><target dev='vdc' bus='virtio'/></disk>",
  elements: "<title>mine</title>",
  argument: "<qemu:arg value='-d'/><qemu:arg value='int'/>",
  kernel: "<kernel>/my/bzImage</kernel><initrd>/my/initrd</initrd><cmdline>root=/dev/vda</cmdline>",
};
const defined = () => readFileSync(join(root, "defined.xml"), "utf8");
/** Defines the domain by hand; nothing for a domain that was undefined. */
const define = (text: string) => writeFileSync(join(root, "defined.xml"), text);

/** A libvirt of one domain, with its inactive definition. */
const stubs = (): Stubs => ({
  virsh: `cd '${root}'; [ "$1 $2 $3" = '-q -c qemu:///system' ] || exit 9
case $4 in
  dumpxml) [ "$5 $7" = "--inactive it's duetdev" ] && [ -s defined.xml ] || { echo 'error: no domain' >&2; exit 1; }; cat defined.xml;;
  define) echo define >>calls; cp "$6" defined.xml;;
  domstate) if [ -e off ]; then rm off; echo 'shut off'; else echo running; fi;;
  domiflist|vol-path) ;;
  *) echo "$4 $6" >>calls;;
esac`,
  ssh: `case $* in *'echo yes') echo yes;; *poweroff) echo poweroff >>'${root}/calls'; : >'${root}/off';; esac`,
  ss: ":",
});
const asked = {
  memory: 768,
  vcpus: 2,
  type: "qemu",
  cpu: "maximum",
  stub: "127.0.0.1:1234",
  device: "tcp:127.0.0.1:1234",
};
const script = (uuid: string, spec: Partial<typeof asked> = {}) =>
  scriptText(import.meta.url, "domain.sh", {
    uri: "qemu:///system",
    guest: "it's duetdev",
    uuid,
    ...{ ...asked, ...spec },
    stylesheet: readFileSync(join(import.meta.dirname, "definition.xsl"), "utf8"),
    kernel_stylesheet: readFileSync(join(import.meta.dirname, "own-kernel.xsl"), "utf8"),
    definition: join(root, "kept.xml"),
    proven: "",
    ssh: ["ssh", "guest"],
    console: join(root, "console.log"),
    ...{ tree: "/nowhere", build: "/nowhere", modules: "/nowhere", uid: 1000, gid: 1000 },
    timeout: 1,
    ...{ watch: "/nowhere", reports: "/nowhere", told: "/nowhere/told" },
  });
/** In order first, and off in any case. */
const stopped = "poweroff\ndestroy it's duetdev\ndefine\n";
const keep = (id: string, spec: Partial<typeof asked> = {}) => runStep(script(id, spec), "create", { stubs: stubs() });
const facts = async () => (await runStep(script("1"), "facts", { stubs: stubs() })).stdout.split("\n")[0] ?? "";
const calls = () => (existsSync(join(root, "calls")) ? readFileSync(join(root, "calls"), "utf8") : "");

describe("the definition of a domain", () => {
  it("is kept if the domain is made, and nothing is done to the domain", async () => {
    define(definition("1"));
    expect(await keep("1")).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(readFileSync(join(root, "kept.xml"), "utf8")).toBe(definition("1"));
    expect(readdirSync(root).sort()).toEqual(["defined.xml", "kept.xml"]);
  });

  it("is left as it is while nobody edits it", async () => {
    define(definition("1"));
    await keep("1");
    await keep("1");
    expect(calls()).toBe("");
  });

  it.each([
    ["edited", definition("1", { ...added }).replace("786432", "99")],
    ["undefined", ""],
  ])("comes back when it was %s by hand, with a word on it, and the domain is off then", async (how, text) => {
    define(definition("1"));
    await keep("1");
    const before = await facts();
    define(text);
    expect(await facts()).not.toBe(before);
    const ran = await keep("1");
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain("domain it's duetdev was edited or undefined by hand");
    expect(defined()).toContain('<memory unit="KiB">786432</memory>');
    expect(defined().includes("/my.img")).toBe(how === "edited");
    expect(calls()).toBe(stopped);
    expect(await facts()).toBe(before);
  });

  it("is not what a person has added to it, which is no drift and stays", async () => {
    define(definition("1"));
    await keep("1");
    const before = await facts();
    define(definition("1", added));
    expect(await facts()).toBe(before);
    expect((await keep("1", { memory: 1024, vcpus: 4, device: "tcp:127.0.0.1:4321" })).stderr).toContain(
      "is given what the spec asks for",
    );
    for (const part of [
      "/my.img",
      "<title>mine<",
      "<kernel>/my/bzImage<",
      "<initrd>/my/initrd<",
      "<cmdline>root=/dev/vda<",
      '"-d"',
      '"int"',
      ">1048576</memory>",
      ">4</vcpu>",
      "tcp:127.0.0.1:4321",
    ]) {
      expect(defined()).toContain(part);
    }
    expect((await keep("1", { memory: 1024, vcpus: 4, device: "tcp:127.0.0.1:4321" })).stderr).toBe("");
    expect(calls()).toBe(stopped);
  });

  it("that was made before gets what a crash is read by, once", async () => {
    const before = { elements: "<features><acpi/></features><on_crash>destroy</on_crash>", devices: "" };
    define(definition("1", { ...added, ofCrash: before }));
    expect((await keep("1")).stderr).toContain("is given what the spec asks for");
    for (const part of [
      /<acpi\/>\s*<vmcoreinfo state="on"\/>/,
      /<on_crash>preserve<\/on_crash>/,
      /<panic model="isa"/,
    ]) {
      expect(defined()).toMatch(part);
    }
    expect(defined()).toContain("/my.img");
    expect((await keep("1")).stderr).toBe("");
    expect(calls()).toBe(stopped);
  });

  it("follows the host's accelerator in place", async () => {
    define(definition("1"));
    await keep("1");
    await keep("1", { type: "kvm", cpu: "host-passthrough" });
    expect(defined()).toMatch(/type="kvm"[\s\S]*<cpu mode="host-passthrough"\/>/);
  });

  it.each([
    ["a volume", ""],
    ["a file", "<source file='/pool/one.qcow2'/>"],
  ])("is not put back if that would lose what was written to a disk which was %s", async (_, disk) => {
    define(definition("1", { disk }));
    await keep("1");
    const snapshot = definition("1", { disk: "<source file='/pool/one.first'/>" });
    define(snapshot);
    const ran = await keep("1");
    expect(lastLine(ran)).toMatch(
      /its disk vda is \/pool\/one\.first, .* virsh blockcommit it's duetdev vda --active --shallow --pivot/,
    );
    expect([ran.code, defined(), calls()]).toEqual([1, snapshot, ""]);
  });

  it("of a new domain takes the place of the one that was kept", async () => {
    define(definition("1"));
    await keep("1");
    define(definition("2"));
    await keep("2");
    expect(calls()).toBe("");
    expect(readFileSync(join(root, "kept.xml"), "utf8")).toBe(definition("2"));
  });

  it("that cannot be read is an error, and is not kept", async () => {
    define("");
    const ran = await keep("1");
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toContain("error: no domain");
    expect(existsSync(join(root, "kept.xml"))).toBe(false);
  });
});
