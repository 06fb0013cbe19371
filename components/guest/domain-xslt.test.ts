import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import { domainXslt } from "./domain-xslt.ts";

/** A domain as the provider writes it, in short. */
const domain = `<domain type="kvm">
  <name>duetdev</name><memory unit="MiB">1024</memory><vcpu>2</vcpu>
  <os><type>hvm</type></os>
  <devices>
    <disk type="file" device="disk"><source file="/a.qcow2"/><target dev="vda" bus="virtio"/></disk>
    <graphics type="spice" autoport="yes"/>
    <video><model type="cirrus"/></video>
    <channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>
  </devices>
</domain>`;

let root: string;
beforeEach(() => {
  root = temporaryFolder("xslt-");
});

/** What the provider makes of its XML with the stylesheet. */
function transformed(consoleLog = "/log/duetdev-console.log", gdbPort = 1234): string {
  writeFileSync(join(root, "domain.xml"), domain);
  writeFileSync(join(root, "style.xsl"), domainXslt({ gdbPort, consoleLog }));
  return execFileSync("xsltproc", [join(root, "style.xsl"), join(root, "domain.xml")], { encoding: "utf8" });
}

/** One value of the result by its path, read by xsltproc too. */
function at(xml: string, path: string): string {
  const qemu = "http://libvirt.org/schemas/domain/qemu/1.0";
  writeFileSync(join(root, "out.xml"), xml);
  writeFileSync(
    join(root, "read.xsl"),
    `<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:q="${qemu}">
<xsl:output method="text"/><xsl:template match="/"><xsl:value-of select="${path}"/></xsl:template></xsl:stylesheet>`,
  );
  return execFileSync("xsltproc", [join(root, "read.xsl"), join(root, "out.xml")], { encoding: "utf8" });
}

describe("the domain", () => {
  it("has its gdb stub on loopback, in the namespace that libvirt reads", () => {
    const xml = transformed(undefined, 4321);
    expect(at(xml, "/domain/q:commandline/q:arg[1]/@value")).toBe("-gdb");
    expect(at(xml, "/domain/q:commandline/q:arg[2]/@value")).toBe("tcp:127.0.0.1:4321");
    expect(at(xml, "count(/domain/q:commandline)")).toBe("1");
  });

  it("has one serial console, which is logged", () => {
    const xml = transformed();
    expect(at(xml, "count(//serial)")).toBe("1");
    expect(at(xml, "//serial/log/@file")).toBe("/log/duetdev-console.log");
    expect(at(xml, "//serial/log/@append")).toBe("on");
  });

  it("has no display", () => {
    expect(at(transformed(), "count(//graphics|//video)")).toBe("0");
  });

  it("is otherwise as the provider wrote it", () => {
    const xml = transformed();
    expect(at(xml, "/domain/@type")).toBe("kvm");
    expect(at(xml, "/domain/memory/@unit")).toBe("MiB");
    expect(at(xml, "//disk/source/@file")).toBe("/a.qcow2");
    expect(at(xml, "//channel/target/@name")).toBe("org.qemu.guest_agent.0");
  });

  it("has its console logged to the path that was given, whatever is in it", () => {
    const odd = `/log/a & b's "<{x}>/é.log`;
    expect(at(transformed(odd), "//serial/log/@file")).toBe(odd);
  });
});
