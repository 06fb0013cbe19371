import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it, vi } from "vitest";
import { deploy, given, localStep, scriptOf, settled } from "../../test/support/mocks.ts";
import { Machine, type SshConnection } from "./machine.ts";
import { script } from "./script.ts";
import { announcedIn, progressVariable } from "./step.ts";

const records = "/state/steps";
const facts = "duet:machine:Facts";
const remote = "command:remote:Command";
const text = "create() { :; }";

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
  it("is asked about all of its steps at once, and is told none of them", async () => {
    const { resource, made } = await deploy(() => {
      const host = new Machine("host", { records });
      host.step("one", { title: "do one", script: text }, {});
      host.step("two", { title: "do two", script: pulumi.output(text) }, {});
    });
    expect(made.filter(({ type }) => type === facts)).toHaveLength(1);
    expect(resource(facts, "host").inputs).toEqual({ reader: { command: ["bash", "-c"], records, timeout: 120 } });
  });

  it("that has no steps is asked nothing", async () => {
    const { made } = await deploy(() => new Machine("host", { records }));
    expect(made).toEqual([]);
  });

  it("announces each step with what it waits for: of a component its children, of a machine what brings it up", async () => {
    vi.stubEnv(progressVariable, "1");
    const debug = vi.spyOn(pulumi.log, "debug").mockResolvedValue();
    await deploy(
      () => {
        const host = new Machine("host", { records });
        const part = new Part("part");
        const boot = host.step("boot", { title: "boot it", script: text }, { parent: part });
        const told = boot.result("key");
        const guest = new Machine("guest", { records, connection }, { dependsOn: part });
        guest.step("load", { title: "load 'it'", script: pulumi.interpolate`${text}` }, { dependsOn: [] });
        host.step(
          "prove",
          { title: "prove it", script: pulumi.interpolate`${text} # ${told}` },
          { dependsOn: boot.resource },
        );
      },
      { boot: "key: value" },
    );
    const announced = debug.mock.calls.flatMap(([message]) => announcedIn(message) ?? []);
    debug.mockRestore();
    vi.unstubAllEnvs();
    expect(announced).toEqual([
      { name: "boot", title: "boot it", after: ["host"] },
      { name: "load", title: "load 'it'", after: ["guest", "boot"] },
      { name: "prove", title: "prove it", after: ["boot", "host"] },
    ]);
  });

  it("takes a step at any time, also after an await", async () => {
    const { made, resource } = await deploy(async () => {
      const host = new Machine("host", { records });
      host.step("early", { title: "t", script: text }, {});
      await new Promise((resolve) => setTimeout(resolve, 50));
      const step = host.step("late", { title: "t", script: text }, {});
      await settled(step.stdout);
      host.step("last", { title: "t", script: text }, {});
    });
    expect(made.filter(({ type }) => type === facts)).toHaveLength(1);
    expect(["early", "late", "last"].map((name) => resource("command:local:Command", name).name)).toHaveLength(3);
  });

  it("runs a step again if its facts have drifted, and no other", async () => {
    const declare = () => {
      const host = new Machine("host", { records });
      for (const name of ["one", "two"]) {
        host.step(name, { title: name, script: text }, {});
      }
    };
    const [before, after] = [await deploy(declare), await deploy(declare, {}, { two: 5 })];
    expect(scriptOf(localStep(after, "two")).file).not.toBe(scriptOf(localStep(before, "two")).file);
    expect(localStep(after, "one").inputs).toEqual(localStep(before, "one").inputs);
    expect(localStep(after, "two").inputs.create).toBe(localStep(before, "two").inputs.create);
  });

  it("runs a step again for another value, as an update: nothing replaces it", async () => {
    const of = (value: string) =>
      deploy(() =>
        new Machine("host", { records }).step(
          "one",
          { title: "t", script: script(import.meta.url, "lib/lines.sh", { stack: pulumi.output(value) }) },
          {},
        ),
      );
    const [one, two] = [localStep(await of("a"), "one"), localStep(await of("b"), "one")];
    expect([given(one, "stack"), given(two, "stack")]).toEqual(["a", "b"]);
    const { stdin: first, ...rest } = one.inputs;
    const { stdin: second, ...others } = two.inputs;
    expect(first).not.toBe(second);
    expect(others).toEqual(rest);
    expect(rest).not.toHaveProperty("triggers");
  });

  it("gives a step its file, its input and its way back", async () => {
    const deployed = await deploy(
      () =>
        new Machine("host", { records }).step("one", { title: "do it", script: text, stdin: pulumi.output("é\n") }, {}),
      { one: "printed\nkey: a\nkey: b" },
    );
    const step = localStep(deployed, "one");
    expect(scriptOf(step)).toMatchObject({ script: text, stdin: "é\n" });
    expect(step.inputs.create).toMatch(/^# 'do it'\n/);
    expect(step.inputs.create).not.toContain(text);
    expect(step.inputs.delete).not.toBe(step.inputs.create);
    expect(step.inputs.logging).toBe("stdoutAndStderr");
    expect((await settled(deployed.value.result("key"))).value).toBe("b");
    expect(await settled(deployed.value.stdout)).toEqual({ value: "printed\nkey: a\nkey: b", secret: false });
  });

  it("keeps the output of a secret step from the log, and secret in the state", async () => {
    const deployed = await deploy(() =>
      new Machine("host", { records }).step("one", { title: "t", script: text, secretOutput: true }, {}),
    );
    expect(localStep(deployed, "one")).toMatchObject({
      inputs: { logging: "none" },
      secretOutputs: ["stdout", "stderr"],
    });
  });

  it("makes a step's whole input secret if a part of it is", async () => {
    const deployed = await deploy(() =>
      new Machine("host", { records }).step("one", { title: "t", script: text, stdin: pulumi.secret("key") }, {}),
    );
    expect(localStep(deployed, "one").secrets).toEqual(["stdin"]);
  });

  it("puts a step where its options say, and has it go with what the machine goes with", async () => {
    const { resource } = await deploy(() => {
      const [domain, other, parent] = [new Part("domain"), new Part("other"), new Part("parent")];
      const guest = new Machine("guest", { records, connection }, { parent, deletedWith: domain, dependsOn: other });
      guest.step("one", { title: "t", script: text }, { parent, dependsOn: other });
      guest.step("two", { title: "t", script: text }, { deletedWith: other });
    });
    expect(resource(facts, "guest")).toMatchObject({
      parent: "duet:test:Part parent",
      deletedWith: "duet:test:Part domain",
    });
    expect(resource(remote, "one")).toMatchObject({
      parent: "duet:test:Part parent",
      deletedWith: "duet:test:Part domain",
    });
    expect(resource(remote, "two").deletedWith).toBe("duet:test:Part other");
  });

  it("refuses a step that is declared twice, by name", async () => {
    await deploy(() => {
      const host = new Machine("host", { records });
      host.step("one", { title: "t", script: text }, {});
      expect(() => host.step("one", { title: "t", script: text }, {})).toThrow("step one of host");
    });
  });
});

describe("a machine across ssh", () => {
  const declare = () =>
    new Machine("guest", { records, connection, timeout: 7 }).step("one", { title: "do it", script: text }, {});

  it("is reached with the pinned key alone, and the private one is secret", async () => {
    const { resource } = await deploy(declare);
    const { inputs, secrets } = resource(remote, "one");
    expect(secrets).toContain("connection");
    expect(inputs.connection).toMatchObject({ host: "192.168.150.10", user: "root", hostKey: "ssh-ed25519 AAAA" });
    const { connection: _, ...rest } = inputs;
    expect(JSON.stringify(rest)).not.toContain("PRIVATE KEY");
    expect(JSON.stringify(resource(facts, "guest").inputs)).not.toContain("PRIVATE KEY");
  });

  it("is asked for its facts with the ssh command, for as long as was said", async () => {
    const { resource } = await deploy(declare);
    expect(resource(facts, "guest").inputs.reader).toEqual({ command: ["ssh", "guest"], records, timeout: 7 });
  });

  it("has steps that run here if they cut it off, and whose records are there", async () => {
    const across = pulumi.output(["ssh", "guest"]);
    const { resource } = await deploy(() =>
      new Machine("guest", { records, connection }).step("one", { title: "t", script: text, across }, {}),
    );
    const step = resource("command:local:Command", "one");
    expect(scriptOf(step).file).toContain("across=(ssh guest)");
    expect(step.inputs.create).not.toContain(`${records}/one`);
  });

  it("sends no previous output, which sshd refuses as environment", async () => {
    const { resource } = await deploy(declare);
    expect(resource(remote, "one").inputs.addPreviousOutputInEnv).toBe(false);
  });
});
