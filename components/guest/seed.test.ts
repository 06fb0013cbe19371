import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { runStep } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";

let folder: string;
beforeEach(() => {
  folder = join(temporaryFolder("it's a seed-"), "duetdev");
  mkdirSync(folder);
});

const seed = () => join(folder, "seed.iso");
const script = () => {
  const metaData = JSON.stringify({ "instance-id": "duetdev", "local-hostname": "duetdev" });
  return scriptText(import.meta.url, "seed.sh", { folder, file: seed(), meta_data: metaData });
};
const make = (stdin: string) => runStep(script(), "create", { stdin });
const facts = async () => (await runStep(script(), "facts")).stdout;

describe.runIf(spawnSync("mkisofs", ["-version"]).status === 0)("the seed of a guest", () => {
  it("is a disk by whose label cloud-init knows it, with the user data as it was given", async () => {
    expect(await make("#cloud-config\n{ it's: $(x) }\n")).toMatchObject({ code: 0, stdout: "", stderr: "" });
    const read = (file: string) =>
      execFileSync("isoinfo", ["-i", seed(), "-J", "-x", `/${file}`], { encoding: "utf8" });
    expect(read("user-data")).toBe("#cloud-config\n{ it's: $(x) }\n");
    expect(JSON.parse(read("meta-data"))).toEqual({ "instance-id": "duetdev", "local-hostname": "duetdev" });
    const label = execFileSync("isoinfo", ["-d", "-i", seed()], { encoding: "utf8" });
    expect(label).toContain("Volume id: cidata\n");
  });

  it("is root's alone, and leaves nothing beside it", async () => {
    await make("a");
    expect(readdirSync(folder)).toEqual(["seed.iso"]);
    expect(statSync(seed()).mode & 0o777).toBe(0o600);
  });

  it("drifts if it is gone", async () => {
    await make("a");
    const before = await facts();
    expect(before).toMatch(/^seed: \w{16}\n$/);
    rmSync(seed());
    expect(await facts()).toBe("seed: \n");
  });
});
