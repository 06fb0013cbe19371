import { describe, expect, it } from "vitest";
import {
  type Deployed,
  deploy,
  given,
  localHost,
  localStep,
  type Printed,
  printedOf,
  settled,
  symbols,
} from "../../test/support/mocks.ts";
import { GuestAddress } from "../host/guest-address.ts";
import type { HostArgs } from "../host/host.ts";
import { guestMac, Network } from "../host/network.ts";
import { Image } from "./image.ts";
import { VirtualMachine, type VirtualMachineArgs } from "./virtual-machine.ts";

const domainType = "libvirt:index/domain:Domain";

function deployed(
  change: Partial<VirtualMachineArgs> = {},
  hostArgs: Partial<HostArgs> = {},
  printed = printedOf("duetdev"),
): Promise<Deployed<VirtualMachine>> {
  return deploy(() => {
    const host = localHost({ stateFolder: "/state", ...hostArgs });
    const network = new Network("network", { host });
    const vm = new VirtualMachine("duetdev", {
      host,
      memory: 1024,
      vcpus: 2,
      disk: 8,
      network,
      image: new Image("image", { host, source: { path: "/i.qcow2" }, smallestDisk: 8 }),
      address: new GuestAddress("duetdev", { host, network }),
      symbols,
      ...change,
    });
    vm.step("in-guest", { title: "look", script: "create() { uname; }" }, { parent: vm });
    return vm;
  }, printed);
}

describe("a virtual machine", () => {
  it("is a domain on the stack's network, at its address, on its disk", async () => {
    const { resource, value } = await deployed();
    const { inputs } = resource(domainType, "duetdev");
    expect(inputs).toMatchObject({ name: "duetdev", memory: 1024, vcpu: 2 });
    expect(inputs.networkInterfaces).toEqual([
      {
        networkId: "id of network",
        addresses: ["192.168.151.10"],
        hostname: "duetdev",
        mac: guestMac("dev", "duetdev"),
        waitForLease: false,
      },
    ]);
    expect(inputs.disks).toEqual([{ volumeId: "id of duetdev-disk" }, { volumeId: "id of duetdev-seed" }]);
    expect((await settled(value.address)).value).toBe("192.168.151.10");
  });

  it("has its stub on the port that was leased for it", async () => {
    const { resource, value } = await deployed();
    expect((await settled(value.gdbPort)).value).toBe(1240);
    expect(resource(domainType, "duetdev").inputs.xml.xslt).toContain("tcp:127.0.0.1:1240");
  });

  it("has its stub at a socket, and no port, if that was asked for", async () => {
    const printed = { ...printedOf("duetdev"), "duetdev-gdb-socket": "/stubs/duetdev.sock" };
    const { resource, value } = await deployed({ stub: "socket" }, {}, printed);
    expect((await settled(value.gdbPort)).value).toBeUndefined();
    expect(resource(domainType, "duetdev").inputs.xml.xslt).toContain('"unix:/stubs/duetdev.sock,server=on,wait=off"');
  });

  it("asks for the port of the spec, and no other", async () => {
    expect(given(localStep(await deployed({ gdbPort: 4321 }), "duetdev-gdb-port"), "ports")).toBe("(4321)");
  });

  it.each([
    ["kvm", "kvm", "host-passthrough"],
    ["tcg", "qemu", "maximum"],
  ] as const)("runs under %s as %s with the CPU %s", async (accelerator, type, mode) => {
    const { resource } = await deployed({}, { accelerator });
    expect(resource(domainType, "duetdev").inputs).toMatchObject({ type, cpu: { mode } });
  });

  it("has a copy-on-write disk of the size that was asked for", async () => {
    const deployment = await deployed({ disk: 12 });
    const disk = deployment.resource("libvirt:index/volume:Volume", "duetdev-disk");
    expect(disk.inputs).toMatchObject({ baseVolumeId: "id of image", size: 12 * 1024 ** 3 });
    // A change of the size is no reason for another one: a step sees to it.
    expect(disk.ignoreChanges).toEqual(["size"]);
    const grows = localStep(deployment, "duetdev-disk-size");
    expect([given(grows, "gib"), given(grows, "volume")]).toEqual(["12", "duetdev.qcow2"]);
  });

  it("is seeded with its keys, as a secret", async () => {
    const { resource } = await deployed();
    const image = resource("command:local:Command", "duetdev-seed-image");
    expect(image.secrets).toEqual(["stdin"]);
    expect(image.inputs.stdin).toContain("HOST KEY");
    expect(image.inputs.stdin).toContain("ssh-ed25519 C c");
    expect(image.inputs.stdin).not.toContain("CLIENT KEY");
    const seed = resource("libvirt:index/volume:Volume", "duetdev-seed");
    expect(seed.inputs).toMatchObject({ source: "/state/duetdev/seed.iso", format: "iso" });
    expect(seed.inputs.name).toMatch(/^duetdev-[0-9a-f]{16}-seed\.iso$/);
    expect(seed.secrets).toEqual([]);
    expect(seed.dependsOn).toContain("command:local:Command duetdev-seed-image");
  });

  it("has another seed if it is given other keys, and the same one otherwise", async () => {
    const seedOf = async (printed: Printed) =>
      (await deployed({}, {}, printed)).resource("libvirt:index/volume:Volume", "duetdev-seed").inputs.name;
    const others = ["CLIENT KEY", "ssh-ed25519 C c", "OTHER KEY", "ssh-ed25519 O o"];
    const access = others.map((text) => Buffer.from(text).toString("base64")).join("\n");
    const printed = printedOf("duetdev");
    expect(await seedOf(printed)).toBe(await seedOf(printed));
    expect(await seedOf({ ...printed, "duetdev-access": access })).not.toBe(await seedOf(printed));
  });

  it("has no private key anywhere but there and in connections", async () => {
    const { made } = await deployed();
    for (const { inputs, secrets } of made) {
      const open = Object.entries(inputs).filter(([key]) => !secrets.includes(key));
      expect(JSON.stringify(open)).not.toMatch(/(CLIENT|HOST) KEY/);
    }
  });

  it("is booted after its domain is there, and again with each new domain", async () => {
    const deployment = await deployed();
    const boot = localStep(deployment, "duetdev-boot");
    expect(boot.dependsOn).toContain(`${domainType} duetdev`);
    expect(given(boot, "uuid")).toBe("'id of duetdev'");
    expect([given(boot, "uri"), given(boot, "guest")]).toEqual(["qemu:///system", "duetdev"]);
  });

  it("writes its console where libvirt sees it, and reads it where this host does", async () => {
    const { resource, value, made } = await deployed({}, { consoleLogs: "/outer", consoleLogsHere: "/inner" });
    expect(resource(domainType, "duetdev").inputs.xml.xslt).toContain('file="/outer/duetdev-console.log"');
    expect(value.consoleLog).toBe("/inner/duetdev-console.log");
    expect(given(localStep({ resource, value, made }, "duetdev-boot"), "console")).toBe("/inner/duetdev-console.log");
    expect((await deployed()).value.consoleLog).toBe("/log/duetdev-console.log");
  });

  it("is a machine whose steps wait for the boot, and go with the domain", async () => {
    const { resource } = await deployed();
    const facts = resource("duet:machine:Facts", "duetdev-facts");
    expect(facts.dependsOn).toContain("command:local:Command duetdev-boot");
    expect(facts.deletedWith).toBe(`${domainType} duetdev`);
    expect(facts.inputs.reader.command).toEqual(["ssh", "-F", "/state/duetdev/ssh_config", "duetdev"]);
    const step = resource("command:remote:Command", "in-guest");
    expect(step.deletedWith).toBe(`${domainType} duetdev`);
    expect(step.inputs.connection).toMatchObject({ host: "192.168.151.10", user: "root", hostKey: "ssh-ed25519 H h" });
  });

  it("makes room for a new one first, and is new if the provider would not change it", async () => {
    const { made, resource } = await deployed();
    for (const one of made.filter(({ type }) => type.startsWith("libvirt:"))) {
      expect([one.name, one.deleteBeforeReplace]).toEqual([one.name, true]);
    }
    expect(resource(domainType, "duetdev").replaceOnChanges).toEqual(
      expect.arrayContaining(["disks", "networkInterfaces"]),
    );
  });

  it("is not changed for having been paused by gdb, nor made anew for what a step can give it", async () => {
    const deployment = await deployed({ memory: 2048, vcpus: 3 });
    const { ignoreChanges } = deployment.resource(domainType, "duetdev");
    expect(ignoreChanges).toEqual(
      expect.arrayContaining(["running", "memory", "vcpu", "type", "cpu", "xml", "description", "kernel", "cmdlines"]),
    );
    const boot = localStep(deployment, "duetdev-boot");
    const values = ["memory", "vcpus", "type", "cpu", "stub", "device"].map((name) => given(boot, name));
    expect(values).toEqual(["2048", "3", "qemu", "maximum", "127.0.0.1:1240", "tcp:127.0.0.1:1240"]);
  });

  it("is the parent of all of it, and registers what others need", async () => {
    const { made, resource } = await deployed();
    const self = "duet:guest:VirtualMachine duetdev";
    for (const one of made.filter(({ name }) => /^duetdev-(gdb-port|access|disk|seed|boot|facts)$/.test(name))) {
      const nested = [`duet:host:GdbPort ${one.name}`, `duet:guest:Access ${one.name}`];
      expect([self, ...nested]).toContain(one.parent);
    }
    expect(resource("duet:guest:VirtualMachine", "duetdev").outputs).toEqual({
      address: "192.168.151.10",
      stub: "127.0.0.1:1240",
      ssh: ["ssh", "-F", "/state/duetdev/ssh_config", "duetdev"],
    });
  });
});
