import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { runScript } from "../../test/run-script.ts";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import { lines, sh } from "../machine/shell.ts";
import { seedFacts, seedFile, seedKey, seedScript } from "./seed.ts";

let folder: string;
beforeEach(() => {
  folder = join(temporaryFolder("it's a seed-"), "duetdev");
  mkdirSync(folder);
});

const make = (userData: string) =>
  runScript(lines(sh`printf %s ${userData} | {`, seedScript("duetdev", folder), sh`}`));
const facts = async () => (await runScript(seedFacts(folder))).stdout;

describe.runIf(spawnSync("mkisofs", ["-version"]).status === 0)("the seed of a guest", () => {
  it("is a disk by whose label cloud-init knows it, with the user data as it was given", async () => {
    expect(await make("#cloud-config\n{ it's: $(x) }\n")).toMatchObject({ code: 0, stdout: "", stderr: "" });
    const read = (file: string) =>
      execFileSync("isoinfo", ["-i", seedFile(folder), "-J", "-x", `/${file}`], { encoding: "utf8" });
    expect(read("user-data")).toBe("#cloud-config\n{ it's: $(x) }\n");
    expect(JSON.parse(read("meta-data"))).toEqual({ "instance-id": "duetdev", "local-hostname": "duetdev" });
    const label = execFileSync("isoinfo", ["-d", "-i", seedFile(folder)], { encoding: "utf8" });
    expect(label).toContain("Volume id: cidata\n");
  });

  it("is root's alone, and leaves nothing beside it", async () => {
    await make("a");
    expect(readdirSync(folder)).toEqual(["seed.iso"]);
    expect(statSync(seedFile(folder)).mode & 0o777).toBe(0o600);
  });

  it("drifts when it is gone", async () => {
    await make("a");
    const before = await facts();
    expect(before).toMatch(/^seed: \w{16}\n$/);
    rmSync(seedFile(folder));
    expect(await facts()).toBe("seed: \n");
  });
});

it("has a key of its own for each content", () => {
  expect(seedKey("a")).toMatch(/^[0-9a-f]{16}$/);
  expect(seedKey("a")).not.toBe(seedKey("b"));
});
