import { expect, it } from "vitest";
import { requiredPackages } from "./required-packages.ts";

it("the packages that the program requires are those that its npm packages name, libvirt as the bridge's", () => {
  const packages = requiredPackages().getPackagesList();
  const named = packages.map((it) => [it.getName(), it.getVersion(), it.getParameterization()?.getName()]);
  expect(named).toContainEqual(["command", "v1.2.1", undefined]);
  expect(named).toContainEqual(["terraform-provider", "v1.0.0", "libvirt"]);
  const value =
    packages
      .find((it) => it.hasParameterization())
      ?.getParameterization()
      ?.getValue_asB64() ?? "";
  expect(JSON.parse(Buffer.from(value, "base64").toString())).toMatchObject({ remote: { version: "0.8.3" } });
});
