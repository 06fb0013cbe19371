import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, localMachine, localStep, settled } from "../../test/mocks.ts";
import { runScript } from "../../test/run-script.ts";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import { Access, accessFacts, accessScript, parseKeys, sshConfig } from "./access.ts";

let root: string;
let folder: string;
beforeEach(() => {
  root = temporaryFolder("keys of o'dev ");
  folder = join(root, "duetdev");
});

const make = (address = "192.168.150.10") => runScript(accessScript("duetdev", address, folder));
const facts = async () => (await runScript(accessFacts(folder))).stdout;
const read = (name: string) => readFileSync(join(folder, name), "utf8");

/** What ssh itself makes of a configuration. */
function sshReads(text: string): string {
  const file = join(root, "config");
  writeFileSync(file, text);
  return execFileSync("ssh", ["-G", "-F", file, "duetdev"], { encoding: "utf8" });
}

describe("the keys of a guest", () => {
  it("are made, two pairs, in a folder that nobody else can enter", async () => {
    const ran = await make();
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const keys = parseKeys(ran.stdout);
    expect(keys.client).toBe(read("client"));
    expect(keys.host).toBe(read("host"));
    expect(keys.clientPublic).toBe(read("client.pub").trim());
    expect(keys.hostPublic).toMatch(/^ssh-ed25519 \S+ duet duetdev$/);
    expect(keys.client).not.toBe(keys.host);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, "client")).mode & 0o777).toBe(0o600);
  });

  it("stay when they are made again, also at another address", async () => {
    const first = await make();
    const before = await facts();
    expect((await make()).stdout).toBe(first.stdout);
    expect(await facts()).toBe(before);
    expect((await make("192.168.151.10")).stdout).toBe(first.stdout);
    expect(read("ssh_config")).toContain("HostName 192.168.151.10\n");
  });

  it("are made anew where one was emptied, and the host key is pinned with them", async () => {
    await make();
    const before = await facts();
    writeFileSync(join(folder, "host"), "");
    rmSync(join(folder, "host.pub"));
    expect(await facts()).not.toBe(before);
    rmSync(join(folder, "host"));
    const ran = await make();
    expect(ran.code).toBe(0);
    expect(read("known_hosts")).toBe(`duetdev ${parseKeys(ran.stdout).hostPublic.split(" ").slice(0, 2).join(" ")}\n`);
  });

  it("drift when one file is changed, and that file is named", async () => {
    await make();
    const before = (await facts()).split("\n");
    expect(before).toHaveLength(7);
    writeFileSync(join(folder, "known_hosts"), "");
    const after = (await facts()).split("\n");
    expect(after.filter((line, index) => line !== before[index])).toEqual([expect.stringMatching(/^known_hosts: /)]);
  });

  it("are an error in words when a step printed half of them", () => {
    expect(() => parseKeys("YQ==\nYQ==\n\n")).toThrow("incomplete: run `pulumi up` again");
  });
});

describe("the ssh configuration of a guest", () => {
  it("trusts the pinned key of the guest alone, and offers the guest's own key alone", () => {
    const seen = sshReads(sshConfig("duetdev", "192.168.150.10", folder));
    expect(seen).toContain("hostname 192.168.150.10\n");
    expect(seen).toContain("user root\n");
    expect(seen).toContain("stricthostkeychecking true\n");
    expect(seen).toContain(`userknownhostsfile ${folder}/known_hosts\n`);
    expect(seen).toContain("globalknownhostsfile none\n");
    expect(seen).toContain("identitiesonly yes\n");
    expect(seen.match(/^identityfile .*$/gm)).toEqual([`identityfile ${folder}/client`]);
    expect(seen).toContain("hostkeyalias duetdev\n");
  });

  it("shares one connection, but not where its socket's path would be too long for the kernel", () => {
    const short = "/state/duetdev";
    expect(sshReads(sshConfig("duetdev", "a", short))).toContain(`controlpath ${short}/ssh.socket\n`);
    const long = `/state/${"x".repeat(80)}`;
    expect(sshReads(sshConfig("duetdev", "a", long))).not.toContain("controlpath");
  });
});

describe("Access", () => {
  const encoded = ["CLIENT KEY", "ssh-ed25519 C c\n", "HOST KEY", "ssh-ed25519 H h\n"]
    .map((text) => Buffer.from(text).toString("base64"))
    .join("\n");
  const deployed = () =>
    deploy(
      () =>
        new Access("vm-access", {
          host: localMachine(),
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
    expect(value.words).toEqual(words);
    expect(resource("duet:guest:Access", "vm-access").outputs).toEqual({ ssh: words });
  });

  it("keeps what its step prints out of log and state", async () => {
    const step = localStep(await deployed(), "vm-access");
    expect(step.inputs.logging).toBe("none");
    expect(step.secretOutputs).toContain("stdout");
  });

  it("takes its folder with it, and no more", async () => {
    await make();
    const deployment = await deploy(
      () => new Access("vm-access", { host: localMachine(), guest: "duetdev", address: "a", folder }),
      { "vm-access": encoded },
    );
    const undo = localStep(deployment, "vm-access").inputs.delete as string;
    writeFileSync(join(root, "mine"), "");
    expect((await runScript({ shell: undo })).code).toBe(0);
    expect(existsSync(folder)).toBe(false);
    expect(existsSync(join(root, "mine"))).toBe(true);
  });
});
