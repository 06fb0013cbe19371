import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, given, localHost, localStep, settled } from "../../test/support/mocks.ts";
import { lastLine, runStep, type Stubs } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script-text.ts";
import { sh } from "../machine/shell.ts";
import { buildPackages, hostPackages, hypervisorPackages } from "./package-lists.ts";
import { HostPackages } from "./packages.ts";

let root: string;
let joined: string;
beforeEach(() => {
  root = temporaryFolder("it's groups-");
  joined = join(root, "groups");
});

/** A host with the account `dev` of uid 1000, in the groups named, and with the groups of a host of libvirt. */
function host(member: string, groups = "kvm libvirt", user = "dev"): Stubs {
  return {
    getent: `case "$1 $2" in 'passwd 1000'|'passwd 0') echo '${user}:x:1000:1000::/home:/bin/sh';; 'group '*) case ' ${groups} ' in *" $2 "*) ;; *) exit 2;; esac;; *) exit 2;; esac`,
    id: `echo '${member}'`,
    gpasswd: `echo "gpasswd $*" >>"$STUBS/calls"; echo "Adding user $2 to group $3"`,
  };
}

const script = (uid: number, uri: string, groups: readonly string[]) =>
  scriptText(import.meta.url, "packages.sh", {
    packages: [],
    groups,
    uid,
    joined,
    sockets: [],
    uri,
    fetch_namespace: "",
  });
const run = (verb: "create" | "delete", uid: number, stubs: Stubs) =>
  runStep(script(uid, "qemu+unix:///system", ["kvm", "libvirt"]), verb, {
    stubs,
    after: 'cat -- "$STUBS/calls" 2>/dev/null || true',
  });
const joins = (uid: number, stubs: Stubs) => run("create", uid, stubs);
const leaves = (stubs: Stubs) => run("delete", 1000, stubs);

describe("the developer", () => {
  it("joins the groups of kvm and libvirt, and only what was joined is noted", async () => {
    const ran = await joins(1000, host("dev kvm"));
    expect(ran).toMatchObject({ code: 0, stdout: "gpasswd -a dev libvirt\n" });
    expect(readFileSync(joined, "utf8")).toBe("dev libvirt\n");
  });

  it("is not joined twice", async () => {
    expect((await joins(1000, host("dev kvm libvirt"))).stdout).toBe("");
    expect(existsSync(joined)).toBe(false);
  });

  it("is not taken for a member of a group whose name begins the same", async () => {
    expect((await joins(1000, host("dev kvm libvirt-qemu"))).stdout).toBe("gpasswd -a dev libvirt\n");
  });

  it("joins no group that the host does not have", async () => {
    expect(await joins(1000, host("dev", "kvm"))).toMatchObject({ code: 0, stdout: "gpasswd -a dev kvm\n" });
  });

  it("joins nothing if there is no such account, or if it is root", async () => {
    expect(await joins(1234, host(""))).toMatchObject({ code: 0, stdout: "" });
    expect(await joins(0, host("root", "kvm libvirt", "root"))).toMatchObject({ code: 0, stdout: "" });
  });

  it("reaches libvirt before the next login, by name, for as long as it is a member", async () => {
    const socket = join(root, "sock");
    const sockets = scriptText(import.meta.url, "packages.sh", {
      ...{ packages: [], groups: ["libvirt"], uid: 1000, joined, sockets: [socket] },
      ...{ uri: "qemu+unix:///system", fetch_namespace: "" },
    });
    const stubs = { ...host("dev"), setfacl: `echo "setfacl $*" >>"$STUBS/calls"` };
    const open = sh`python3 -c ${`import socket; socket.socket(socket.AF_UNIX).bind(${JSON.stringify(socket)})`}`.shell;
    const after = 'grep setfacl -- "$STUBS/calls"';
    const ran = await runStep(sockets, ["create", "delete"], { stubs, before: open, after });
    expect(ran.stdout).toBe(`setfacl -m u:1000:rw -- ${socket}\nsetfacl -x u:1000 -- ${socket}\n`);
  });

  it("leaves at destroy what was joined, and only that, also if it has left already", async () => {
    await joins(1000, host("dev kvm"));
    const gone = { ...host(""), gpasswd: `echo "gpasswd $*" >>"$STUBS/calls"; exit 3` };
    expect(await leaves(gone)).toMatchObject({ code: 0, stdout: "gpasswd -d dev libvirt\n" });
    expect(existsSync(joined)).toBe(false);
    expect(await leaves(host(""))).toMatchObject({ code: 0, stdout: "" });
  });
});

describe("libvirt", () => {
  const reach = (uri: string, virsh: string, stubs: Stubs = {}) =>
    runStep(script(0, uri, []), "create", { stubs: { ...host("root"), virsh, sleep: ":", ...stubs } });

  it("is waited for once it is installed", async () => {
    const slow = '[ -e "$STUBS/up" ] || { : >"$STUBS/up"; exit 1; }';
    expect(await reach("qemu:///system", slow)).toMatchObject({ code: 0, stderr: "" });
  });

  it("is named with its own words if it does not answer, and with what to do", async () => {
    const ran = await reach("qemu:///system", "echo 'error: no connection driver' >&2; exit 1");
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^cannot reach libvirt at qemu:\/\/\/system: .*no connection driver; /);
  });

  it("that hangs is given up after one time, and said to hang", async () => {
    const timeout = 'echo "$*" >>"$STUBS/times"; [ "$(wc -l <"$STUBS/times")" = 1 ] && exit 124';
    const ran = await reach("qemu:///system", "exit 9", { timeout });
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^cannot reach libvirt at qemu:\/\/\/system: no answer [^;]+; /);
  });

  it("of another kind is not asked: the launcher has started it, or it is far away", async () => {
    expect(await reach("qemu+unix:///system?socket=/run/x", "exit 9")).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("the packages of a host", () => {
  it("are each named once, those of step 1 among them", () => {
    for (const server of ["kernel", "ganesha"] as const) {
      const all = hostPackages(server);
      expect(new Set(all).size).toBe(all.length);
      expect(all).toEqual(expect.arrayContaining([...hypervisorPackages, ...buildPackages]));
    }
    expect(hostPackages("kernel")).toContain("nfs-kernel-server");
    expect(hostPackages("ganesha")).not.toContain("nfs-kernel-server");
  });
});

describe("HostPackages", () => {
  const deployed = (groups?: readonly string[]) =>
    deploy(
      () =>
        new HostPackages("host-packages", {
          host: localHost({ uri: "qemu:///system" }),
          packages: ["strace"],
          ...(groups && { groups }),
        }),
    );

  it("installs what it is given, and has the developer join kvm and libvirt", async () => {
    const step = localStep(await deployed(), "host-packages");
    expect([given(step, "packages"), given(step, "groups")]).toEqual(["(strace)", "(kvm libvirt)"]);
    expect(given(localStep(await deployed([]), "host-packages"), "groups")).toBe("()");
    expect(step.parent).toBe("duet:host:HostPackages host-packages");
  });

  it("hands on where libvirt is, once it is there", async () => {
    const { value, resource } = await deployed();
    expect((await settled(value.uri)).value).toBe("qemu:///system");
    expect(resource("duet:host:HostPackages", "host-packages").outputs).toEqual({ uri: "qemu:///system" });
  });
});
