import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { providerDomain } from "../../test/support/domain.ts";
import { deploy, localHost, symbols } from "../../test/support/mocks.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { GuestAddress } from "../host/guest-address.ts";
import { Network } from "../host/network.ts";
import { Image } from "./image.ts";
import { VirtualMachine } from "./virtual-machine.ts";

/** A folder whose name has what XSLT reads as its own. */
const odd = `/log/a & b's "<{x}>/é`;

let root: string;
beforeEach(() => {
  root = temporaryFolder("xslt-");
});

/** The stylesheet that the domain of a guest is given. */
async function stylesheet(consoleLogs: string, port: number): Promise<string> {
  const keys = ["a", "b", "c", "d"].map((key) => Buffer.from(key).toString("base64")).join("\n");
  const printed = { "duetdev-gdb-port": String(port), "network-subnet": "150", "duetdev-access": keys };
  const { resource } = await deploy(() => {
    const host = localHost({ consoleLogs });
    const [network, image] = [
      new Network("network", { host }),
      new Image("image", { host, source: { path: "/i" }, smallestDisk: 8 }),
    ];
    const address = new GuestAddress("duetdev", { host, network });
    return new VirtualMachine("duetdev", { host, network, image, address, symbols, memory: 512, vcpus: 1, disk: 8 });
  }, printed);
  // The id that a mocked volume has is a file of the current folder.
  return resource("libvirt:index/domain:Domain", "duetdev").inputs.xml.xslt.replace('"./{', `"${root}/{`);
}

/** What the provider makes of its XML with the stylesheet. */
async function transformed(consoleLogs = "/log", gdbPort = 1234): Promise<string> {
  writeFileSync(join(root, "domain.xml"), providerDomain());
  writeFileSync(join(root, "style.xsl"), await stylesheet(consoleLogs, gdbPort));
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
  it("has its gdb stub on loopback, in the namespace that libvirt reads", async () => {
    const xml = await transformed(undefined, 4321);
    expect(at(xml, "/domain/q:commandline/q:arg[1]/@value")).toBe("-gdb");
    expect(at(xml, "/domain/q:commandline/q:arg[2]/@value")).toBe("tcp:127.0.0.1:4321");
    expect(at(xml, "count(/domain/q:commandline)")).toBe("1");
  });

  it("has one serial console, which is logged", async () => {
    const xml = await transformed();
    expect(at(xml, "count(//serial)")).toBe("1");
    expect(at(xml, "//serial/log/@file")).toBe("/log/duetdev-console.log");
    expect(at(xml, "//serial/log/@append")).toBe("on");
  });

  it("stays as it is if it panics, and tells QEMU where its memory's description is", async () => {
    const xml = await transformed();
    expect(at(xml, "/domain/features/vmcoreinfo/@state")).toBe("on");
    expect(at(xml, "concat(/domain/on_crash, count(/domain/on_crash))")).toBe("preserve1");
    expect(at(xml, "//panic/@model")).toBe("isa");
    writeFileSync(join(root, "domain.xml"), providerDomain().replace("<os>", "<features><acpi/></features><os>"));
    const other = execFileSync("xsltproc", [join(root, "style.xsl"), join(root, "domain.xml")], { encoding: "utf8" });
    expect(at(other, "concat(count(//features), count(//acpi), count(//vmcoreinfo))")).toBe("111");
  });

  it("has no display", async () => {
    expect(at(await transformed(), "count(//graphics|//video)")).toBe("0");
  });

  it("is otherwise as the provider wrote it", async () => {
    const xml = await transformed();
    expect(at(xml, "/domain/@type")).toBe("kvm");
    expect(at(xml, "/domain/memory/@unit")).toBe("MiB");
    expect(at(xml, "//disk/target/@dev")).toBe("vda");
    expect(at(xml, "//channel/target/@name")).toBe("org.qemu.guest_agent.0");
  });

  it("has its console logged to the path that was given, whatever is in it", async () => {
    expect(at(await transformed(odd), "//serial/log/@file")).toBe(`${odd}/duetdev-console.log`);
  });

  it("has files for disks, of which AppArmor lets it read and write the overlay, and read the image", async () => {
    const words = ["create", "-q", "-f", "qcow2"];
    execFileSync("qemu-img", [...words, join(root, "image.qcow2"), "10M"]);
    execFileSync("qemu-img", [...words, "-b", join(root, "image.qcow2"), "-F", "qcow2", join(root, "duetdev.qcow2")]);
    const uuid = "6b2f3f3e-1111-4222-8333-444455556666";
    const xml = (await transformed("/var/log/libvirt/qemu")).replace("<name>", `<uuid>${uuid}</uuid><name>`);
    const helper = "/usr/lib/libvirt/virt-aa-helper";
    const { stdout, stderr } = spawnSync(helper, ["-c", "-d", "-u", `libvirt-${uuid}`], {
      input: xml,
      encoding: "utf8",
    });
    const said = stdout + stderr;
    expect(said).toContain(`"${root}/duetdev.qcow2" rwk,`);
    expect(said).toContain(`"${root}/image.qcow2" rk,`);
  });
});
