import { describe, expect, it } from "vitest";
import { type Deployed, deploy, localMachine, localStep, scriptOf, settled } from "../../test/mocks.ts";
import { guestMac, Network } from "../host/network.ts";
import { sh } from "../machine/shell.ts";
import { Image } from "./image.ts";
import { VirtualMachine, type VirtualMachineArgs } from "./virtual-machine.ts";

const keys = ["CLIENT KEY", "ssh-ed25519 C c", "HOST KEY", "ssh-ed25519 H h"]
  .map((text) => Buffer.from(text).toString("base64"))
  .join("\n");
const printed = {
  "network-subnet": "151",
  "image-file": "/i.qcow2",
  "duetdev-gdb-port": "1240",
  "duetdev-access": keys,
};
const domainType = "libvirt:index/domain:Domain";

function deployed(change: Partial<VirtualMachineArgs> = {}): Promise<Deployed<VirtualMachine>> {
  return deploy(() => {
    const host = localMachine();
    const vm = new VirtualMachine("duetdev", {
      host,
      uri: "qemu:///system",
      stack: "dev",
      hostname: "duetdev",
      memory: 1024,
      vcpus: 2,
      disk: 8,
      accelerator: "tcg",
      network: new Network("network", { host, leases: "/leases", stack: "dev" }),
      image: new Image("image", { host, uri: "u", stack: "dev", source: { path: "/i.qcow2" } }),
      index: 1,
      stateFolder: "/state",
      leases: "/leases",
      consoleLogs: "/log",
      ...change,
    });
    vm.machine.step("in-guest", { title: "look", create: sh`uname` }, { parent: vm });
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
        addresses: ["192.168.151.11"],
        hostname: "duetdev",
        mac: guestMac("dev", "duetdev"),
        waitForLease: false,
      },
    ]);
    expect(inputs.disks).toEqual([{ volumeId: "id of duetdev-disk" }, { volumeId: "id of duetdev-seed" }]);
    expect((await settled(value.address)).value).toBe("192.168.151.11");
  });

  it("has its stub on the port that was leased for it", async () => {
    const { resource, value } = await deployed();
    expect((await settled(value.gdbPort)).value).toBe(1240);
    expect(resource(domainType, "duetdev").inputs.xml.xslt).toContain("tcp:127.0.0.1:1240");
  });

  it("asks for the port of the spec, and no other", async () => {
    const { script } = scriptOf(localStep(await deployed({ gdbPort: 4321 }), "duetdev-gdb-port"));
    expect(script).toMatch(/^for candidate in .* 4321; do$/m);
    expect(script).not.toContain("1234");
  });

  it.each([
    ["kvm", "kvm", "host-passthrough"],
    ["tcg", "qemu", "maximum"],
  ] as const)("runs under %s as %s with the CPU %s", async (accelerator, type, mode) => {
    const { resource } = await deployed({ accelerator });
    expect(resource(domainType, "duetdev").inputs).toMatchObject({ type, cpu: { mode } });
  });

  it("has a copy-on-write disk of the size that was asked for", async () => {
    const { resource } = await deployed({ disk: 12 });
    expect(resource("libvirt:index/volume:Volume", "duetdev-disk").inputs).toMatchObject({
      baseVolumeId: "id of image",
      size: 12 * 1024 ** 3,
    });
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
    expect(scriptOf(boot).script).toContain("<uuid>id of duetdev</uuid>");
    expect(scriptOf(boot).script).toContain("virsh -q -c qemu:///system domstate -- duetdev");
  });

  it("writes its console where libvirt sees it, and reads it where this host does", async () => {
    const { resource, value, made } = await deployed({ consoleLogs: "/outer", consoleLogsHere: "/inner" });
    expect(resource(domainType, "duetdev").inputs.xml.xslt).toContain('file="/outer/duetdev-console.log"');
    expect(value.consoleLog).toBe("/inner/duetdev-console.log");
    expect(scriptOf(localStep({ resource, value, made }, "duetdev-boot")).script).toContain(
      "/inner/duetdev-console.log",
    );
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
    expect(step.inputs.connection).toMatchObject({ host: "192.168.151.11", user: "root", hostKey: "ssh-ed25519 H h" });
  });

  it("makes room for a new one first, and is new where the provider would not change it", async () => {
    const { made, resource } = await deployed();
    for (const one of made.filter(({ type }) => type.startsWith("libvirt:"))) {
      expect([one.name, one.deleteBeforeReplace]).toEqual([one.name, true]);
    }
    expect(resource(domainType, "duetdev").replaceOnChanges).toEqual(
      expect.arrayContaining(["disks", "networkInterfaces", "cpu"]),
    );
  });

  it("is not changed for having been paused by gdb", async () => {
    expect((await deployed()).resource(domainType, "duetdev").ignoreChanges).toContain("running");
  });

  it("is the parent of all of it, and registers what others need", async () => {
    const { made, resource } = await deployed();
    const self = "duet:guest:VirtualMachine duetdev";
    for (const one of made.filter(({ name }) => /^duetdev-(gdb-port|access|disk|seed|boot|facts)$/.test(name))) {
      const nested = [`duet:host:GdbPort ${one.name}`, `duet:guest:Access ${one.name}`];
      expect([self, ...nested]).toContain(one.parent);
    }
    expect(resource("duet:guest:VirtualMachine", "duetdev").outputs).toEqual({
      address: "192.168.151.11",
      gdbPort: 1240,
      ssh: ["ssh", "-F", "/state/duetdev/ssh_config", "duetdev"],
    });
  });
});
