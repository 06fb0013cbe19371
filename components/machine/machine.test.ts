import { spawnSync } from "node:child_process";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { deploy, localStep, scriptOf, settled } from "../../test/mocks.ts";
import { Machine, type SshConnection } from "./machine.ts";
import { sh } from "./shell.ts";

const records = "/state/steps";
const facts = "duet:machine:Facts";

class Part extends pulumi.ComponentResource {
  constructor(name: string) {
    super("duet:test:Part", name);
    this.registerOutputs({});
  }
}

const connection: SshConnection = {
  host: pulumi.output("192.168.150.10"),
  user: "root",
  privateKey: pulumi.secret("PRIVATE KEY"),
  hostKey: "ssh-ed25519 AAAA",
  command: pulumi.output(["ssh", "guest"]),
};

describe("a machine", () => {
  it("has the facts of all of its steps read at once, also of those declared last", async () => {
    const { resource, made } = await deploy(() => {
      const host = new Machine("host", { records });
      host.step("one", { title: "do one", create: sh`a`, facts: sh`echo 'x: 1'` }, {});
      host.step("two", { title: "do two", create: pulumi.output(sh`b`) }, {});
    });
    expect(made.filter(({ type }) => type === facts)).toHaveLength(1);
    expect(resource(facts, "host").inputs).toEqual({
      reader: { command: ["bash", "-c"], records, timeout: 120 },
      steps: { one: { title: "do one", facts: "echo 'x: 1'" }, two: { title: "do two", facts: ":" } },
    });
  });

  it("runs a step again when its facts have drifted, and no other", async () => {
    const declare = () => {
      const host = new Machine("host", { records });
      for (const name of ["one", "two"]) {
        host.step(name, { title: name, create: sh`a` }, {});
      }
    };
    const [before, after] = [await deploy(declare), await deploy(declare, {}, { two: 5 })];
    expect(scriptOf(localStep(after, "two")).script).toContain("# generation 5\n");
    expect(localStep(after, "one").inputs).toEqual(localStep(before, "one").inputs);
    expect(localStep(after, "two").inputs.create).toBe(localStep(before, "two").inputs.create);
  });

  it("gives a step its script, its input and its way back", async () => {
    const deployed = await deploy(
      () =>
        new Machine("host", { records }).step(
          "one",
          { title: "do it", create: sh`create-it`, delete: pulumi.output(sh`undo-it`), stdin: pulumi.output("é\n") },
          {},
        ),
      { one: "printed" },
    );
    const step = localStep(deployed, "one");
    expect(scriptOf(step).script).toMatch(/\ncreate-it\n/);
    expect(scriptOf(step).stdin).toBe("é\n");
    expect(step.inputs.create).toMatch(/^# 'do it'\n/);
    expect(step.inputs.create).not.toContain("create-it");
    expect(step.inputs.delete).toContain("\nundo-it\n");
    expect(step.inputs.delete).toContain(`rm -f -- ${records}/one`);
    expect(step.inputs.logging).toBe("stdoutAndStderr");
    expect(await settled(deployed.value.stdout)).toEqual({ value: "printed", secret: false });
  });

  it("keeps a step's way back where Pulumi runs, and in no guest, nor one that takes nothing back", async () => {
    const deployed = await deploy(() => {
      const host = new Machine("host", { records });
      host.step("one", { title: "t", create: sh`a`, delete: sh`undo-it` }, {});
      host.step("two", { title: "t", create: sh`a` }, {});
      new Machine("guest", { records, connection }).step("far", { title: "t", create: sh`a`, delete: sh`undo-it` }, {});
    });
    const kept = `${records}/one.undo`;
    expect(scriptOf(localStep(deployed, "one")).script).toContain(`mv -- ${kept}.new ${kept}\n`);
    expect(scriptOf(localStep(deployed, "two")).script).not.toContain(".undo");
    expect(scriptOf(deployed.resource("command:remote:Command", "far")).script).not.toContain("undo");
  });

  it("keeps the output of a secret step from the log, and secret in the state", async () => {
    const deployed = await deploy(() =>
      new Machine("host", { records }).step("one", { title: "t", create: sh`a`, secretOutput: true }, {}),
    );
    expect(localStep(deployed, "one")).toMatchObject({
      inputs: { logging: "none" },
      secretOutputs: ["stdout", "stderr"],
    });
  });

  it("makes a step's whole input secret where a part of it is", async () => {
    const deployed = await deploy(() =>
      new Machine("host", { records }).step("one", { title: "t", create: sh`a`, stdin: pulumi.secret("key") }, {}),
    );
    expect(localStep(deployed, "one").secrets).toEqual(["stdin"]);
  });

  it("puts a step where its options say, and has it go with what the machine goes with", async () => {
    const { resource } = await deploy(() => {
      const [domain, other, parent] = [new Part("domain"), new Part("other"), new Part("parent")];
      const guest = new Machine("guest", { records, connection }, { parent, deletedWith: domain, dependsOn: other });
      guest.step("one", { title: "t", create: sh`a` }, { parent, dependsOn: other });
      guest.step("two", { title: "t", create: sh`a` }, { deletedWith: other });
    });
    expect(resource(facts, "guest")).toMatchObject({
      parent: "duet:test:Part parent",
      deletedWith: "duet:test:Part domain",
    });
    expect(resource("command:remote:Command", "one")).toMatchObject({
      parent: "duet:test:Part parent",
      deletedWith: "duet:test:Part domain",
    });
    expect(resource("command:remote:Command", "two").deletedWith).toBe("duet:test:Part other");
  });
});

describe("a machine across ssh", () => {
  const declare = () =>
    new Machine("guest", { records, connection, timeout: 7 }).step(
      "one",
      { title: "do it", create: sh`create-it`, delete: sh`set -- 'a b'; echo "$1"` },
      {},
    );

  it("is reached with the pinned key alone, and the private one is secret", async () => {
    const { resource } = await deploy(declare);
    const { inputs, secrets } = resource("command:remote:Command", "one");
    expect(secrets).toContain("connection");
    expect(inputs.connection).toMatchObject({ host: "192.168.150.10", user: "root", hostKey: "ssh-ed25519 AAAA" });
    const { connection: _, ...rest } = inputs;
    expect(JSON.stringify(rest)).not.toContain("PRIVATE KEY");
    expect(JSON.stringify(resource(facts, "guest").inputs)).not.toContain("PRIVATE KEY");
  });

  it("is asked for its facts with the ssh command, for as long as was said", async () => {
    const { resource } = await deploy(declare);
    expect(resource(facts, "guest").inputs.reader).toEqual({
      command: ["ssh", "guest"],
      records,
      timeout: 7,
    });
  });

  it("has steps that run here where they cut it off, and whose records are there", async () => {
    const across = pulumi.output(["ssh", "guest"]);
    const { resource } = await deploy(() =>
      new Machine("guest", { records, connection }).step("one", { title: "t", create: sh`reboot-it`, across }, {}),
    );
    const { inputs } = resource("command:local:Command", "one");
    expect(inputs.stdin).toMatch(/ssh guest .*?rm -f -- .*?reboot-it.*ssh guest /s);
    expect(inputs.delete).toBe(":");
    expect(Object.keys(resource(facts, "guest").inputs.steps)).toEqual(["one"]);
  });

  it("sends no previous output, which sshd refuses as environment", async () => {
    const { resource } = await deploy(declare);
    expect(resource("command:remote:Command", "one").inputs.addPreviousOutputInEnv).toBe(false);
  });

  it("takes a step back in bash, whatever shell root has there", async () => {
    const { resource } = await deploy(declare);
    const undo = resource("command:remote:Command", "one").inputs.delete.replaceAll(records, "/nowhere");
    const ran = spawnSync("sh", ["-c", undo], { encoding: "utf8" });
    expect(ran).toMatchObject({ status: 0, stdout: "a b\n", stderr: "" });
  });
});

describe("a step that comes too late", () => {
  it("is refused by name when it is declared twice", async () => {
    await deploy(() => {
      const host = new Machine("host", { records });
      host.step("one", { title: "t", create: sh`a` }, {});
      expect(() => host.step("one", { title: "t", create: sh`a` }, {})).toThrow("step one of host is declared twice");
    });
  });

  it("is refused once the facts were read", async () => {
    const { value: host } = await deploy(() => new Machine("host", { records }));
    expect(() => host.step("late", { title: "t", create: sh`a` }, {})).toThrow(
      "step late of host was declared after the facts were read",
    );
  });
});
