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

/** On a network of its own, with the routes that a test gives it. */
describe.runIf(process.getuid?.() === 0)("a subnet that is taken", () => {
  const script = (bridge: string) =>
    scriptText(import.meta.url, "network.sh", { bridge, subnets: [150], leases: "/leases/subnets", owner: "dev" });
  const taken = async (route: string, subnet = "150", bridge = "duet-1") => {
    const links =
      "ip link add duet-1 type bridge; ip link add duet-12 type bridge; ip link set duet-1 up; ip link set duet-12 up";
    const before = `${links}; ${route === "" ? ":" : `ip route add ${route}`}`;
    const ran = await runLibrary(script(bridge), `taken ${subnet}`, { enter: ["unshare", "--net"], before });
    expect([ran.code, ran.stderr]).toEqual([0, ""]);
    return ran.stdout;
  };

  it.each([
    ["the same subnet", "192.168.150.0/24 dev duet-12", "the route 192.168.150.0/24 dev duet-12\n"],
    ["one that has it within", "192.168.0.0/16 dev duet-12", "the route 192.168.0.0/16 dev duet-12\n"],
    ["one of its addresses", "192.168.150.7/32 dev duet-12", "the route 192.168.150.7 dev duet-12\n"],
    ["another table", "192.168.144.0/20 dev duet-12 table 77", "the route 192.168.144.0/20 dev duet-12\n"],
    ["no link", "unreachable 192.168.0.0/16", "the route unreachable 192.168.0.0/16\n"],
  ])("is told by a route to %s", async (_, route, said) => {
    expect(await taken(route)).toBe(said);
  });

  it.each([
    "",
    "192.168.150.0/24 dev duet-1",
    "192.168.151.0/24 dev duet-12",
    "default dev duet-12",
    "128.0.0.0/1 dev duet-12",
  ])("is none with the route %j", async (route) => {
    expect(await taken(route)).toBe("");
  });

  it("is told beyond 192.168 too", async () => {
    expect(await taken("10.0.0.0/8 dev duet-12", "10.213.150")).toBe("the route 10.0.0.0/8 dev duet-12\n");
    expect(await taken("10.0.0.0/8 dev duet-12")).toBe("");
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

  it("leases one of a hundred subnets for the stack", async () => {
    const step = localStep(await deployed(), "network-subnet");
    expect(given(step, "subnets")).toMatch(/^\(150 151 [\d ]* 199 10\.213\.150 .* 10\.213\.199\)$/);
    expect([given(step, "leases"), given(step, "owner")]).toEqual(["/leases/subnets", "dev"]);
  });

  it("may be in 10.213 too", async () => {
    const { value } = await deploy(() => new Network("network", { host: localHost() }), {
      "network-subnet": "10.213.150",
    });
    expect((await settled(value.hostAddress)).value).toBe("10.213.150.1");
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
