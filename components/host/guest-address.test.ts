import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, given, localHost, localStep, settled } from "../../test/support/mocks.ts";
import { lastLine, runStep, type Stubs, type Verb } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script-text.ts";
import { GuestAddress } from "./guest-address.ts";
import { Network } from "./network.ts";

describe("the address of a guest", () => {
  let state: string;
  beforeEach(() => {
    state = temporaryFolder("it's state-");
  });

  const mac = "52:54:00:0A:0B:0C";
  /** What virsh says of a network that has this; nothing of one that is not there yet. */
  const network = (xml = "", leases = ""): Stubs => ({
    virsh: `case "$4 $5" in
'net-dumpxml duet-dev') echo "${xml}" ;; 'net-dhcp-leases duet-dev') echo "${leases}" ;;
'dumpxml --') exit 1 ;; net-update*) echo "$*" >>'${state.replaceAll("'", "'\\''")}/calls' ;;
esac`,
  });
  const run = (guest: string, verbs: Verb | readonly Verb[] = "create", stubs = network(), subnet = "192.168.150") => {
    const folder = join(state, guest);
    const values = { leases: join(state, "leases"), owner: `dev/${guest}`, uri: "qemu:///system", network: "duet-dev" };
    const script = scriptText(import.meta.url, "guest-address.sh", {
      ...values,
      guest,
      description: "Duet stack dev",
      disk: `${guest}.qcow2`,
      image: "image.qcow2",
      mac,
      subnet,
      state,
      folder,
    });
    return runStep(script, verbs, { stubs });
  };
  const addressOf = async (...args: Parameters<typeof run>) => (await run(...args)).stdout.trim();
  /** A guest that stood before addresses were leased. */
  const stood = (guest: string, address: string) => {
    mkdirSync(join(state, guest));
    writeFileSync(join(state, guest, "ssh_config"), `Host ${guest}\n  HostName ${address}\n  User root\n`);
  };

  it("is not given to one whose disk would be a volume of somebody's", async () => {
    const volume = (xml: string): Stubs => ({ virsh: `case "$4 $8" in 'vol-dumpxml a.qcow2') echo "${xml}" ;; esac` });
    const refused = await run("a", "create", volume("<format type='qcow2'/>"));
    expect(lastLine(refused)).toMatch(
      /^cannot make the disk of a: .* duet-dev has a volume a\.qcow2, .*; move it away/,
    );
    for (const own of ["<backingStore><path>/pool/image.qcow2</path>", "<format type='raw'/>"]) {
      expect((await run("a", "create", volume(own))).code).toBe(0);
    }
  });

  it("is its own, stays while others come and go, and is a fact", async () => {
    expect([await addressOf("a"), await addressOf("b")]).toEqual(["192.168.150.10", "192.168.150.11"]);
    await run("a", "delete");
    expect(await addressOf("b", ["create", "facts"])).toBe("192.168.150.11\naddress: 192.168.150.11");
    expect(await addressOf("c")).toBe("192.168.150.10");
  });

  it("is the one by which it stands already, and no other guest's who stands", async () => {
    stood("a", "192.168.150.10");
    stood("b", "192.168.150.11");
    expect(await addressOf("new")).toBe("192.168.150.12");
    expect([await addressOf("b"), await addressOf("a")]).toEqual(["192.168.150.11", "192.168.150.10"]);
  });

  it("is another in another subnet", async () => {
    stood("a", "192.168.150.11");
    expect(await addressOf("a", "create", network(), "192.168.151")).toBe("192.168.151.10");
  });

  it("is none that the network holds for a guest that is gone, unless it is held for this one", async () => {
    const host = (card: string) => `<host mac='${card}' name='old' ip='192.168.150.10'/>`;
    const lease = " 2026-11-26 12:00:00   52:54:00:aa:bb:cc   ipv4       192.168.150.11/24   old   -";
    expect(await addressOf("a", "create", network(host("52:54:00:aa:bb:cc"), lease))).toBe("192.168.150.12");
    expect(await addressOf("b", "create", network(host(mac.toLowerCase())))).toBe("192.168.150.10");
  });

  it("is for a domain of this stack: one of its name that is somebody else's is told before anything is made", async () => {
    const domain = (description: string) => ({
      virsh: `case "$4 $5 $6" in 'list --all --name') echo a ;; 'dumpxml -- a') echo '<description>${description}</description>' ;; esac`,
    });
    const ran = await run("a", "create", domain("mine"));
    expect([ran.code, ran.stdout]).toEqual([1, ""]);
    expect(lastLine(ran)).toMatch(/^cannot make domain a: .* not of this stack; /);
    expect(await addressOf("a", "create", domain("Duet stack dev"))).toBe("192.168.150.10");
  });

  it("is given back, to the network too", async () => {
    expect((await run("a", ["create", "delete", "delete", "facts"])).stdout).toBe("192.168.150.10\n");
    const host = "<host ip='192.168.150.10'/>";
    expect(readFileSync(join(state, "calls"), "utf8")).toContain(`net-update duet-dev delete ip-dhcp-host ${host} `);
  });

  it("that nobody can have is an error which names who has the last one", async () => {
    const hosts = Array.from({ length: 190 }, (_, at) => `<host mac='52:54:00:00:00:01' ip='192.168.150.${10 + at}'/>`);
    const ran = await run("a", "create", network(hosts.join("\n")));
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^cannot lease addresss? .*192\.168\.150\.199 for dev\/a: .*52:54:00:00:00:01/);
  });
});

it("GuestAddress leases in the subnet of its stack", async () => {
  const deployment = await deploy(
    () => {
      const host = localHost({ leases: "/leases", stateFolder: "/state" });
      return new GuestAddress("vm", { host, network: new Network("network", { host }) });
    },
    { "network-subnet": "151", "vm-address": "192.168.151.17" },
  );
  expect(await settled(deployment.value.address)).toEqual({ value: "192.168.151.17", secret: false });
  const step = localStep(deployment, "vm-address");
  const names = ["leases", "owner", "subnet", "network", "folder"];
  expect(names.map((name) => given(step, name))).toEqual([
    ...["/leases/addresses", "dev/vm", "192.168.151", "duet-dev", "/state/vm"],
  ]);
});
