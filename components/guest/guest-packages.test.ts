import { describe, expect, it } from "vitest";
import { deploy, localMachine, localStep, scriptOf } from "../../test/mocks.ts";
import { GuestPackages, guestPackages } from "./guest-packages.ts";

describe("GuestPackages", () => {
  const deployed = (packages?: readonly string[]) =>
    deploy(
      () =>
        new GuestPackages("vm-packages", {
          guest: localMachine("vm"),
          ...(packages === undefined ? {} : { packages }),
        }),
    );

  it("installs what mounting and building takes, and looks at each of them", async () => {
    const deployment = await deployed();
    const { script } = scriptOf(localStep(deployment, "vm-packages"));
    const { facts } = deployment.resource("duet:machine:Facts", "vm").inputs.steps["vm-packages"];
    for (const name of ["nfs-common", "make", "gcc"]) {
      expect(guestPackages).toContain(name);
    }
    for (const name of guestPackages) {
      expect(script).toContain(` ${name}`);
      expect(facts).toContain(` ${name}`);
    }
  });

  it("installs others where they are asked for, and none of its own", async () => {
    const { script } = scriptOf(localStep(await deployed(["strace"]), "vm-packages"));
    expect(script).toContain(" strace ");
    expect(script).not.toContain("nfs-common");
  });

  it("is the parent of its step, takes nothing back, and registers", async () => {
    const deployment = await deployed();
    expect(localStep(deployment, "vm-packages").parent).toBe("duet:guest:GuestPackages vm-packages");
    expect(localStep(deployment, "vm-packages").inputs.delete).not.toMatch(/apt|dpkg/);
    expect(deployment.resource("duet:guest:GuestPackages", "vm-packages").outputs).toEqual({});
  });
});
