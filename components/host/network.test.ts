import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deploy, given, localHost, localStep, settled } from "../../test/support/mocks.ts";
import { runLibrary } from "../../test/support/run-script.ts";
import { scriptText } from "../machine/script-text.ts";
import { bridgeName } from "../names.ts";
import { guestMac, Network } from "./network.ts";

describe("the bridge of a stack", () => {
  it("has a name that the kernel takes, whatever the stack is called", () => {
    fc.assert(
      fc.property(fc.string(), (stack) => {
        expect(bridgeName(stack)).toMatch(/^duet-[0-9a-f]{8}$/);
        expect(bridgeName(stack).length).toBeLessThanOrEqual(15);
      }),
    );
  });

  it("is another for another stack", () => {
    expect(bridgeName("dev")).not.toBe(bridgeName("dev2"));
  });
});

describe("the MAC address of a guest", () => {
  it("is one of QEMU's, whatever stack and guest are called", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (stack, guest) => {
        expect(guestMac(stack, guest)).toMatch(/^52:54:00(:[0-9A-F]{2}){3}$/);
      }),
    );
  });

  it("is another for another guest, and for the same guest of another stack", () => {
    expect(new Set([guestMac("dev", "a"), guestMac("dev", "b"), guestMac("dev2", "a")]).size).toBe(3);
  });
});

describe("a subnet that is taken", () => {
  const script = (bridge: string) =>
    scriptText(import.meta.url, "network.sh", { bridge, octets: [150], leases: "/leases/subnets", owner: "dev" });
  const taken = async (routes: string, bridge = "duet-1") =>
    (await runLibrary(script(bridge), "taken 150", { stubs: { ip: `printf '%s' '${routes}'` } })).stdout;

  it("is said by the link that has a route to it", async () => {
    expect(await taken("192.168.150.0/24 dev virbr7 proto kernel scope link src 192.168.150.1\n")).toBe("dev virbr7\n");
  });

  it("is free without a route, and with a route of this stack's own bridge", async () => {
    expect(await taken("")).toBe("");
    expect(await taken("192.168.150.0/24 dev duet-1 proto kernel\n")).toBe("");
  });

  it("is not free for a bridge whose name only begins the same", async () => {
    expect(await taken("192.168.150.0/24 dev duet-12 proto kernel\n")).toBe("dev duet-12\n");
  });
});

describe("Network", () => {
  const deployed = () =>
    deploy(() => new Network("network", { host: localHost({ leases: "/leases" }) }), {
      "network-subnet": "151",
    });

  it("is a NAT network in the subnet that was leased", async () => {
    const { resource, value } = await deployed();
    expect(resource("libvirt:index/network:Network", "network").inputs).toMatchObject({
      name: "duet-dev",
      bridge: bridgeName("dev"),
      mode: "nat",
      addresses: ["192.168.151.0/24"],
      autostart: true,
    });
    expect((await settled(value.hostAddress)).value).toBe("192.168.151.1");
    expect((await settled(value.subnet)).value).toBe("192.168.151");
  });

  it("leases one of fifty subnets for the stack", async () => {
    const step = localStep(await deployed(), "network-subnet");
    expect(given(step, "octets")).toMatch(/^\(150 151 [\d ]* 198 199\)$/);
    expect([given(step, "leases"), given(step, "owner")]).toEqual(["/leases/subnets", "dev"]);
  });

  it("makes room before it is made again, and registers what others need", async () => {
    const { resource } = await deployed();
    expect(resource("libvirt:index/network:Network", "network").deleteBeforeReplace).toBe(true);
    expect(resource("duet:host:Network", "network").outputs).toEqual({
      networkId: "id of network",
      hostAddress: "192.168.151.1",
    });
  });
});
