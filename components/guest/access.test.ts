import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, localHost, localStep, scriptOf, settled } from "../../test/support/mocks.ts";
import { runStep } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { Access } from "./access.ts";

let root: string;
let folder: string;
beforeEach(() => {
  root = temporaryFolder("keys of o'dev ");
  folder = join(root, "duetdev");
});

/** The step of a guest's keys, as its values and its text. */
async function script(address = "192.168.150.10", at = folder): Promise<string> {
  const deployed = await deploy(
    () => new Access("vm-access", { host: localHost(), guest: "duetdev", address, folder: at }),
    { "vm-access": encoded },
  );
  return scriptOf(localStep(deployed, "vm-access")).script;
}
const run = async (verb: "create" | "facts" | "delete", address?: string) => runStep(await script(address), verb);
const make = (address?: string) => run("create", address);
const facts = async () => (await run("facts")).stdout;
/** What the component makes of what the step has printed. */
async function keysIn(printed: string) {
  const { value } = await deploy(
    () => new Access("vm-access", { host: localHost(), guest: "duetdev", address: "a", folder }),
    { "vm-access": printed },
  );
  return (await settled(value.keys)).value;
}
const encoded = ["CLIENT KEY", "ssh-ed25519 C c\n", "HOST KEY", "ssh-ed25519 H h\n"]
  .map((text) => Buffer.from(text).toString("base64"))
  .join("\n");
const read = (name: string) => readFileSync(join(folder, name), "utf8");

/** What ssh itself makes of the configuration that the step writes. */
async function sshReads(): Promise<string> {
  await make();
  return execFileSync("ssh", ["-G", "-F", join(folder, "ssh_config"), "duetdev"], { encoding: "utf8" });
}

describe("the keys of a guest", () => {
  it("are made, two pairs, in a folder that nobody else can enter", async () => {
    const ran = await make();
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const keys = await keysIn(ran.stdout);
    expect(keys.client).toBe(read("client"));
    expect(keys.host).toBe(read("host"));
    expect(keys.clientPublic).toBe(read("client.pub").trim());
    expect(keys.hostPublic).toMatch(/^ssh-ed25519 \S+ duet duetdev$/);
    expect(keys.client).not.toBe(keys.host);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, "client")).mode & 0o777).toBe(0o600);
  });

  it("stay if they are made again, also at another address", async () => {
    const first = await make();
    const before = await facts();
    expect((await make()).stdout).toBe(first.stdout);
    expect(await facts()).toBe(before);
    expect((await make("192.168.151.10")).stdout).toBe(first.stdout);
    expect(read("ssh_config")).toContain("HostName 192.168.151.10\n");
  });

  it("are made again if one was emptied, and the host key is pinned with them", async () => {
    await make();
    const before = await facts();
    writeFileSync(join(folder, "host"), "");
    rmSync(join(folder, "host.pub"));
    expect(await facts()).not.toBe(before);
    rmSync(join(folder, "host"));
    const ran = await make();
    expect(ran.code).toBe(0);
    expect(read("known_hosts")).toBe(
      `duetdev ${(await keysIn(ran.stdout)).hostPublic.split(" ").slice(0, 2).join(" ")}\n`,
    );
  });

  it("drift if one file is changed, and that file is named", async () => {
    await make();
    const before = (await facts()).split("\n");
    expect(before).toHaveLength(7);
    writeFileSync(join(folder, "known_hosts"), "");
    const after = (await facts()).split("\n");
    expect(after.filter((line, index) => line !== before[index])).toEqual([expect.stringMatching(/^known_hosts: /)]);
  });
});

describe("keys of which a step printed half", () => {
  // In a process of its own, as with Pulumi: whatever waits for the keys is told of it, too.
  it("end the program with an error in words", () => {
    const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
    const program = `import { deploy, localHost } from ${url("../../test/support/mocks.ts")};
import { Access } from ${url("./access.ts")};
const args = { host: localHost(), guest: "duetdev", address: "a", folder: "/f" };
await deploy(() => new Access("vm-access", args), { "vm-access": "YQ==\\nYQ==\\n" });`;
    const ran = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
    expect(ran.status).not.toBe(0);
    expect(ran.stderr).toMatch(/keys .*incomplete; .*pulumi up/);
  });
});

describe("the ssh configuration of a guest", () => {
  it("trusts the pinned key of the guest alone, and offers the guest's own key alone", async () => {
    const seen = await sshReads();
    expect(seen).toContain("hostname 192.168.150.10\n");
    expect(seen).toContain("user root\n");
    expect(seen).toContain("stricthostkeychecking true\n");
    expect(seen).toContain(`userknownhostsfile ${folder}/known_hosts\n`);
    expect(seen).toContain("globalknownhostsfile none\n");
    expect(seen).toContain("identitiesonly yes\n");
    expect(seen.match(/^identityfile .*$/gm)).toEqual([`identityfile ${folder}/client`]);
    expect(seen).toContain("hostkeyalias duetdev\n");
  });

  it("shares one connection, but not if its socket's path would be too long for the kernel", async () => {
    expect(await sshReads()).toContain(`controlpath ${folder}/ssh.socket\n`);
    folder = join(root, "x".repeat(80));
    expect(await sshReads()).not.toContain("controlpath");
  });
});

describe("Access", () => {
  const deployed = () =>
    deploy(
      () =>
        new Access("vm-access", {
          host: localHost(),
          guest: "duetdev",
          address: pulumi.output("192.168.150.10"),
          folder: "/state/duetdev",
        }),
      { "vm-access": encoded },
    );

  it("hands on the keys as secrets", async () => {
    const { value } = await deployed();
    expect(await settled(value.keys)).toEqual({
      value: { client: "CLIENT KEY", clientPublic: "ssh-ed25519 C c", host: "HOST KEY", hostPublic: "ssh-ed25519 H h" },
      secret: true,
    });
    expect(await settled(pulumi.output(value.connection.privateKey))).toEqual({ value: "CLIENT KEY", secret: true });
    expect((await settled(pulumi.output(value.connection.hostKey))).value).toBe("ssh-ed25519 H h");
  });

  it("hands on the words of ssh in plain, with no key in them", async () => {
    const { value, resource } = await deployed();
    const words = ["ssh", "-F", "/state/duetdev/ssh_config", "duetdev"];
    expect(await settled(value.ssh)).toEqual({ value: words, secret: false });
    expect(resource("duet:guest:Access", "vm-access").outputs).toEqual({ ssh: words });
  });

  it("keeps what its step prints out of log and state", async () => {
    const step = localStep(await deployed(), "vm-access");
    expect(step.inputs.logging).toBe("none");
    expect(step.secretOutputs).toContain("stdout");
  });

  it("takes its folder with it, and no more", async () => {
    await make();
    writeFileSync(join(root, "mine"), "");
    expect((await run("delete")).code).toBe(0);
    expect(existsSync(folder)).toBe(false);
    expect(existsSync(join(root, "mine"))).toBe(true);
  });
});
