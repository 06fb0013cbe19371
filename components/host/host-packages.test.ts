import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, localMachine, localStep, scriptOf } from "../../test/mocks.ts";
import { runScript, type Stubs } from "../../test/run-script.ts";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import { lines, sh } from "../machine/shell.ts";
import { buildPackages, HostPackages, joinGroups, leaveGroups } from "./host-packages.ts";

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

const joins = async (uid: number, stubs: Stubs) =>
  runScript(
    lines(sh`joined=${joined}`, joinGroups(uid, ["kvm", "libvirt"]), sh`cat -- "$STUBS/calls" 2>/dev/null || true`),
    stubs,
  );
const leaves = async (stubs: Stubs) =>
  runScript(lines(leaveGroups(joined), sh`cat -- "$STUBS/calls" 2>/dev/null || true`), stubs);

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

  it("joins nothing where there is no such account, or where it is root", async () => {
    expect(await joins(1234, host(""))).toMatchObject({ code: 0, stdout: "" });
    expect(await joins(0, host("root", "kvm libvirt", "root"))).toMatchObject({ code: 0, stdout: "" });
  });

  it("leaves at destroy what was joined, and only that, also when it has left already", async () => {
    await joins(1000, host("dev kvm"));
    const gone = { ...host(""), gpasswd: `echo "gpasswd $*" >>"$STUBS/calls"; exit 3` };
    expect(await leaves(gone)).toMatchObject({ code: 0, stdout: "gpasswd -d dev libvirt\n" });
    expect(existsSync(joined)).toBe(false);
    expect(await leaves(host(""))).toMatchObject({ code: 0, stdout: "" });
  });
});

describe("HostPackages", () => {
  const deployed = (packages?: readonly string[]) =>
    deploy(
      () =>
        new HostPackages("host-packages", {
          host: localMachine(),
          uid: 1000,
          joined: "/state/groups",
          ...(packages === undefined ? {} : { packages }),
        }),
    );

  it("installs what a kernel and its debugger take, and looks at each of them", async () => {
    const deployment = await deployed();
    const { script } = scriptOf(localStep(deployment, "host-packages"));
    const { facts } = deployment.resource("duet:machine:Facts", "host").inputs.steps["host-packages"];
    for (const name of buildPackages) {
      expect(script).toContain(` ${name}`);
      expect(facts).toContain(` ${name}`);
    }
    expect(buildPackages).toEqual(expect.arrayContaining(["gdb", "flex", "bison", "libelf-dev"]));
  });

  it("installs others where they are asked for", async () => {
    expect(scriptOf(localStep(await deployed(["strace"]), "host-packages")).script).not.toContain("bison");
  });

  it("gives back the groups and leaves the packages", async () => {
    const deployment = await deployed();
    const undo = localStep(deployment, "host-packages").inputs.delete;
    expect(undo).toContain("gpasswd -d");
    expect(undo).not.toMatch(/apt|dpkg/);
    expect(deployment.resource("duet:host:HostPackages", "host-packages").outputs).toEqual({});
    expect(localStep(deployment, "host-packages").parent).toBe("duet:host:HostPackages host-packages");
  });
});
