import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, given, localGuest, printedOf } from "../../test/support/mocks.ts";
import { lastLine, runStep } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";
import { NfsMount } from "./nfs-mount.ts";
import { GuestPackages } from "./packages.ts";

const source = "192.168.150.1:/media/data/duet";

/** The line in fstab of a mount, as the step is given it. */
async function mountLine(from: string, on: string): Promise<string> {
  const { resource } = await deploy(
    () => new NfsMount("vm-mount", { guest: localGuest(), source: from, directory: on }),
    printedOf(),
  );
  return given(resource("command:remote:Command", "vm-mount"), "line") ?? "";
}

describe("the line in the guest's /etc/fstab", () => {
  it("mounts at boot in the background, so that no boot waits for the server", async () => {
    expect(await mountLine(source, "/media/data/duet")).toMatch(
      /^'192\.168\.150\.1:\/media\/data\/duet \/media\/data\/duet nfs4 vers=4\.2,\S*_netdev,nofail,bg,auto 0 0'$/,
    );
  });

  it("takes an IPv6 address in brackets", async () => {
    expect(await mountLine("[fd00::1]:/x", "/x")).toContain("[fd00::1]:/x /x nfs4 ");
  });
});

describe("NfsMount", () => {
  it("mounts after what it depends on", async () => {
    const { resource } = await deploy(() => {
      const guest = localGuest();
      const packages = new GuestPackages("vm-packages", { guest });
      return new NfsMount("vm-mount", { guest, source, directory: "/a" }, { dependsOn: packages });
    }, printedOf());
    const step = resource("command:remote:Command", "vm-mount");
    expect(step.dependsOn).toContain("command:remote:Command vm-packages");
    expect(step.parent).toBe("duet:guest:NfsMount vm-mount");
    expect(resource("duet:guest:NfsMount", "vm-mount").outputs).toEqual({});
  });
});

describe.runIf(process.getuid?.() === 0)("mounting", () => {
  const fstab = () => join(root, "etc/fstab");
  let root: string;
  beforeEach(() => {
    root = temporaryFolder("mounts-");
    mkdirSync(join(root, "etc"));
    writeFileSync(fstab(), "# the user's\n");
  });
  const directory = () => join(root, "media/duet");
  const script = () =>
    scriptText(import.meta.url, "nfs-mount.sh", {
      ...{ source, directory: directory(), options: "vers=4.2", stack: "dev" },
      line: `${source} ${directory()} nfs4 vers=4.2 0 0`,
    }).replace("in_time 10 ", "in_time 1 ");
  const listener =
    "perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => q(192.168.150.1:2049), Listen => 9) or die; sleep 9' & server=$!; trap 'kill $server' EXIT";
  /** In namespaces of its own, with an fstab of its own, where NFS is a file system in memory, and a server a port. */
  const run = (verb: "create" | "delete", serves = listener) =>
    runStep(script(), verb, {
      enter: ["unshare", "--net", "--mount", "--propagation", "private"],
      before: `ip link set lo up; ip address add 192.168.150.1/32 dev lo
${serves}
mount --bind '${root}/etc' /etc
for _ in $(seq 100); do if [ -n "$(ss -Hltn 'sport = :2049')" ]; then break; fi; sleep 0.02; done`,
      stubs: {
        "mount.nfs4": ":",
        mount: `[ "$*" != "\${*/nfs4/}" ] || exec /bin/mount "$@"; exec /bin/mount -t tmpfs "${source}" "\${@: -1}"`,
        systemctl: ":",
      },
    });

  it("mounts the source at the path, and keeps the line for the next boot", async () => {
    const ran = await run("create");
    expect(ran.stderr).toBe("");
    expect(ran.code).toBe(0);
    expect(readFileSync(fstab(), "utf8")).toMatch(/^# duet: begin dev\n.*nfs4.*\n# duet: end dev\n# the user's\n$/);
  });

  it("says at once that the server is not there, or that a firewall is in the way", async () => {
    expect(lastLine(await run("create", ":"))).toMatch(/^cannot mount \S+: port 2049 of 192\.168\.150\.1 refuses /);
    const drops = await run("create", `${listener}; iptables -I INPUT -p tcp --dport 2049 -j DROP`);
    expect(drops.code).toBe(1);
    expect(lastLine(drops)).toMatch(/^cannot mount \S+: port 2049 of 192\.168\.150\.1 does not answer .*firewall/);
  });

  it("is taken back with its line and its folder, and may be done twice", async () => {
    await run("create");
    expect((await run("delete")).code).toBe(0);
    expect((await run("delete")).code).toBe(0);
    expect(readFileSync(fstab(), "utf8")).toBe("# the user's\n");
    expect(existsSync(directory())).toBe(false);
  });

  it("tells what is mounted", async () => {
    const of = async (on: string) => {
      const values = { source, directory: on, options: "o", line: "l", stack: "dev" };
      return (await runStep(scriptText(import.meta.url, "nfs-mount.sh", values), "facts")).stdout;
    };
    expect(await of("/proc")).toContain("source: proc\nNFS: answers\n");
    expect(await of("/no/such/mount")).toMatch(/^source: \nlines in \/etc\/fstab: /);
  });
});
