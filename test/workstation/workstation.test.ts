/**
 * The road of a real user's machine: systemd, the system's libvirt, sudo with a password, and two people. In a container,
 * without KVM and with nfs-ganesha, since this machine has neither nfsd nor, perhaps, KVM.
 *
 * DUET_WORKSTATION=whole adds what takes longer. WORKSTATION_SUITE is the Debian of the container; defaults to bookworm. A
 * newer one, trixie, has a newer glibc than the guest, and no package of the kernel's sources.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sh } from "../../components/machine/shell.ts";
import { folders } from "../../launcher/environment.ts";
import { isUnchanged } from "../e2e/pulumi-output.ts";
import { type SpecChange, shared, sources } from "../e2e/stack.ts";
import { Container, type Ran } from "./container.ts";
import { giveNode, host, ids, Person } from "./person.ts";

const isWhole = process.env.DUET_WORKSTATION === "whole";
const suite = process.env.WORKSTATION_SUITE ?? "bookworm";
const isNewer = suite !== "bookworm";
const { cache } = folders(process.env);
const command = (name: "up" | "destroy", stack: string) =>
  `${name} --yes --skip-preview --non-interactive --stack ${stack}`;
const [up, destroy] = [command("up", "workstation"), command("destroy", "workstation")];
const preview = (stack: string) => `preview --non-interactive --stack ${stack}`;
const minutes = 60_000;

/** Where Bob has sources, if he has a stack of another name. */
const bobs = "/srv/duet-bobs";
/** What a spec asks for: sources in a directory, and stubs on ports or on sockets. */
const asked = (directory: string, stub = host.stub): SpecChange => ({
  "duet:host": { ...host, stub },
  "duet:sources": { ...sources, directory, ...(isNewer ? { kernel: { tree: `${directory}/duet-kernel` } } : {}) },
});

let container: Container;
let alice: Person;
let bob: Person;
let before: string;

/** What destroy gives back: what is in libvirt and on the network, what is mounted, and the files of the system. */
const machine = async () =>
  (
    await container.run(
      "root",
      `exec 2>&1; export LC_ALL=C
for list in "list --all" "net-list --all" "pool-list --all"; do virsh -q -c qemu:///system $list --name; done
ip -o link | cut -d: -f2 | sort; findmnt -rno TARGET | grep -v ^/run/ | sort
ls -A /var/lib/duet /export /etc/exports.d; getent group libvirt kvm
find /etc -xdev -type f ! -name '*-' ! -name ld.so.cache -exec sha256sum {} + | sort -k 2`,
    )
  ).output;

/** @throws with the end of what was printed, if it did not succeed */
async function demand(ran: Promise<Ran>): Promise<string> {
  const { code, output } = await ran;
  if (code !== 0) {
    throw new Error(`ended with ${code}: ${output.split("\n").slice(-15).join("\n")}`);
  }
  return output;
}

/** Gives the container, which is off, what is in somebody's sources directory before there is a stack. */
async function giveSources(directory: string, owner: string): Promise<void> {
  if (!(await container.giveKept(directory, owner)) && isNewer) {
    await container.giveKernel(`${directory.slice(1)}/duet-kernel`, owner);
  }
}

async function demandUnchanged(ran: Promise<Ran>): Promise<void> {
  const output = await demand(ran);
  expect(isUnchanged(output) ? "unchanged" : output).toBe("unchanged");
}

beforeAll(async () => {
  container = await Container.make(suite, cache);
  await giveNode(container);
  [alice, bob] = [new Person(container, "alice"), new Person(container, "bob")];
  // A kernel of this machine's compiler.
  await alice.settle(cache, !isNewer);
  await bob.settle(cache, false);
  await giveSources(shared, ids.alice);
  if (isWhole) {
    await giveSources(bobs, ids.bob);
  }
  await container.boot();
  await alice.writeSpec("workstation", "duetdev", asked(shared));
  await bob.writeSpec("workstation", "bobdev", asked(shared));
  for (const person of [alice, bob]) {
    await demand(person.pulumi('login "file://$HOME"'));
    await demand(person.pulumi("stack init workstation"));
  }
  before = await machine();
}, 10 * minutes);
afterAll(() => container?.remove(), 2 * minutes);

describe("a workstation", () => {
  it("is looked at by the doctor, which finds nothing in the way and changes nothing", async () => {
    const output = await demand(alice.pulumi("doctor --stack workstation"));
    expect(output).toMatch(/^ok {4}rights: alice, with sudo/m);
    expect(output).toMatch(/^note {2}groups: you are not in libvirt; `up` has you join it$/m);
    expect(await machine()).toBe(before);
  });

  it("lets nobody begin without rights, and says in one list what needs them", async () => {
    const { code, output } = await alice.pulumi(up, {});
    expect(output).toMatch(/^duet: these steps need root, and go through sudo: .*install the packages of the host, /m);
    expect(output.trim().split("\n").at(-1)).toMatch(/^duet: cannot become root: .*SUDO_ASKPASS$/);
    expect([code, await machine()]).toEqual([1, before]);
  });

  it.runIf(isNewer)(
    "has no guest build what takes the newer glibc of the host, and says where it is to be built",
    async () => {
      const inGuest = { ...asked(shared), "duet:module": { build: "guest" } };
      await alice.writeSpec("workstation", "duetdev", inGuest);
      const { code, output } = await alice.pulumi(up);
      await alice.writeSpec("workstation", "duetdev", asked(shared));
      expect(output.trim().split("\n").at(-1)).toMatch(/need GLIBC 2\.\d+, .* ask for duet:module: \{ build: host \}$/);
      expect(code).not.toBe(0);
    },
    90 * minutes,
  );

  it(
    "has an environment for an ordinary user, whose files are all that user's",
    async () => {
      await demand(alice.pulumi(up));
      expect(await demand(alice.guest("lsmod | grep -o ^duet"))).toBe("duet\n");
      expect(await demand(alice.does("find ~ -xdev ! -user alice | head -n 5"))).toBe("");
      expect(await demand(alice.does("git -C duet status --porcelain"))).toBe(" M stacks/Pulumi.workstation.yaml\n");
    },
    30 * minutes,
  );

  it("has a stub that nobody but its developer attaches to", async () => {
    const attach = sh`gdb -nx -batch -ex ${`target remote ${await alice.access("stub")}`}`.shell;
    expect((await bob.does(attach)).output).toMatch(/Permission denied/);
  });

  it("has a web console on loopback alone, which lets in who has an account", async () => {
    expect(await demand(alice.does("ss -Hltn 'sport = :9090' | awk '{ print $4 }'"))).toBe("127.0.0.1:9090\n");
    const { output } = await alice.pulumi("stack output webConsole --json --stack workstation");
    expect(JSON.parse(output.slice(output.indexOf("{")))).toMatchObject({
      address: "http://127.0.0.1:9090",
      user: "alice",
      forwardCommand: "ssh -f -N -L 9090:127.0.0.1:9090 alice@workstation",
    });
    const login = (password: string) => {
      const headers = { authorization: `Basic ${Buffer.from(`alice:${password}`).toString("base64")}` };
      const ask = `fetch("http://127.0.0.1:9090/cockpit/login", ${JSON.stringify({ headers })})`;
      return alice.does(sh`node -e ${`${ask}.then(({ status }) => console.log(status))`}`.shell);
    };
    expect([await demand(login("wrong")), await demand(login("duet"))]).toEqual(["401\n", "200\n"]);
  }, 60_000);

  it(
    "asks for nothing in a preview, nor in an up with nothing to do",
    async () => {
      const times = await alice.timesAsked();
      for (const line of [preview("workstation"), up]) {
        await demandUnchanged(alice.pulumi(line, {}));
      }
      expect(await alice.timesAsked()).toBe(times);
    },
    2 * minutes,
  );

  it(
    "S1: a stack of the same name on another backend is refused, however often, and the first one's guest lives on",
    async () => {
      for (const line of [up, up, destroy]) {
        const { code, output } = await bob.pulumi(line);
        expect(output).toMatch(
          /that of the stack workstation of alice \([0-9a-f]{8}\); give your stack another name$/m,
        );
        expect(code).toBe(1);
      }
      await demand(alice.guest("true"));
    },
    5 * minutes,
  );

  it.runIf(isWhole)(
    "comes back after a reboot, with one up",
    async () => {
      await container.stop();
      await container.boot();
      await demand(alice.pulumi(up));
      await demand(alice.guest("lsmod | grep ^duet"));
    },
    30 * minutes,
  );

  it.runIf(isWhole)(
    "whose firewall drops by default is named, and up goes on once it lets the guests through",
    async () => {
      const accepted = ['iifname "lo" accept', "ct state established,related accept", "udp dport { 53, 67 } accept"];
      const chain = `type filter hook input priority 0; policy drop; ${accepted.join("; ")};`;
      await demand(container.run("root", `nft 'table inet shut { chain input { ${chain} }; }'`));
      await demand(alice.guest(`umount -l ${shared}`));
      const { code, output } = await alice.pulumi(up);
      await demand(container.run("root", "nft delete table inet shut"));
      expect(output).toMatch(/port 2049 of \S+ does not answer .* in the firewall of the host/);
      expect(code).not.toBe(0);
      await demand(alice.pulumi(up));
    },
    30 * minutes,
  );

  it.runIf(isWhole)(
    "has room for a second person's stack, which comes up while the first one changes, and nothing of them is shared",
    async () => {
      await bob.writeSpec("bobs", "bobsdev", asked(bobs, "port"));
      await demand(bob.pulumi("stack init bobs"));
      await alice.writeSpec("workstation", "duetdev", asked(shared, "port"));
      // Both lease a port.
      await Promise.all([demand(alice.pulumi(up)), demand(bob.pulumi(command("up", "bobs")))]);
      const both = [[alice, "workstation"] as const, [bob, "bobs"] as const];
      for (const [person, stack] of both) {
        await demandUnchanged(person.pulumi(preview(stack), {}));
        await demand(person.guest("lsmod | grep ^duet", stack));
      }
      const ofBoth = (ask: (person: Person, stack: string) => Promise<string | undefined>) =>
        Promise.all(both.map(([person, stack]) => ask(person, stack)));
      const stubs = await ofBoth((person, stack) => person.access("stub", stack));
      const addresses = await ofBoth((person, stack) => person.access("address", stack));
      const subnets = addresses.map((address) => address?.replace(/\.\d+$/, ""));
      expect([stubs, subnets].map((own) => new Set(own).size)).toEqual([2, 2]);
      expect(await ofBoth((person, stack) => person.guestInGdb(stack))).toEqual(["duetdev", "bobsdev"]);
    },
    90 * minutes,
  );

  it.runIf(isWhole)(
    "keeps one person's guest while another person's stack goes, and comes again with the kernel that was built",
    async () => {
      await demand(bob.pulumi(command("destroy", "bobs")));
      await demand(alice.guest("true"));
      await demand(bob.pulumi(command("up", "bobs")));
    },
    30 * minutes,
  );

  it(
    "is as it was after destroy, which leaves other people's guests alone",
    async () => {
      await demand(alice.pulumi(destroy));
      if (isWhole) {
        await demand(bob.guest("true", "bobs"));
        await demand(bob.pulumi(command("destroy", "bobs")));
      }
      expect(await machine()).toBe(before);
      // Bob's stack of that name was made and never came up: how its secrets are kept is in his state until he removes it.
      expect((await alice.does("ls -A ~/.local/state ~/.gdbinit 2>/dev/null")).output).toBe("");
      for (const directory of [...(isNewer ? [shared] : []), ...(isWhole ? [bobs] : [])]) {
        await container.keep(directory);
      }
    },
    10 * minutes,
  );
});
