import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { deploy, given, localGuest, printedOf } from "../../test/support/mocks.ts";
import { lastLine, runStep } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";
import { GuestPackages, guestPackages } from "./packages.ts";

describe("GuestPackages", () => {
  const deployed = (packages?: readonly string[]) =>
    deploy(() => new GuestPackages("vm-packages", { guest: localGuest(), ...(packages && { packages }) }), printedOf());

  it("installs what mounting and building takes", async () => {
    const { resource } = await deployed();
    const names = given(resource("command:remote:Command", "vm-packages"), "packages");
    expect(names).toBe(`(${guestPackages.join(" ")})`);
    expect(guestPackages).toEqual(expect.arrayContaining(["nfs-common", "make", "gcc"]));
  });

  it("installs others if they are asked for, and none of its own", async () => {
    const { resource } = await deployed(["strace"]);
    expect(given(resource("command:remote:Command", "vm-packages"), "packages")).toBe("(strace)");
  });

  it("is the parent of its step, and registers", async () => {
    const { resource } = await deployed();
    expect(resource("command:remote:Command", "vm-packages").parent).toBe("duet:guest:GuestPackages vm-packages");
    expect(resource("duet:guest:GuestPackages", "vm-packages").outputs).toEqual({});
  });
});

describe("a guest that is too old", () => {
  it("is refused by what it lacks, and with what to take, before anything is installed", async () => {
    const script = scriptText(import.meta.url, "packages.sh", { packages: ["no-such"], fetch_namespace: "" });
    const stubs = { setpriv: "echo 'setpriv from util-linux 2.31.1'", "apt-get": "exit 9" };
    const ran = await runStep(script, "create", { stubs });
    expect(lastLine(ran)).toMatch(
      /^cannot use this guest: .*bash 5\S+ and setpriv from util-linux 2\.31\.1; take an image/,
    );
  });
});

describe("the facts of packages", () => {
  const script = scriptText(import.meta.url, "packages.sh", { packages: ["dpkg", "no-such"], fetch_namespace: "" });

  it("name each package, installed or missing", async () => {
    expect((await runStep(script, "facts")).stdout).toBe("package dpkg: installed\npackage no-such: missing\n");
  });

  it("are those of the record while dpkg has changed nothing since", async () => {
    const records = temporaryFolder("records-");
    const only = scriptText(import.meta.url, "packages.sh", { packages: ["dpkg"], fetch_namespace: "" });
    const before = `printf 'package dpkg: as recorded\\n' >'${join(records, "step")}'`;
    expect((await runStep(only, "facts", { records, before })).stdout).toBe("package dpkg: as recorded\n");
  });
});
