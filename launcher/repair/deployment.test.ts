import { describe, expect, it } from "vitest";
import { type Deployment, type Resource, settle, stands } from "./deployment.ts";

const urn = (type: string, name: string) => `urn:pulumi:dev::duet::${type}::${name}`;
const local = "command:local:Command";
const stack: Resource = { urn: urn("pulumi:pulumi:Stack", "duet-dev"), type: "pulumi:pulumi:Stack" };
const provider: Resource = {
  urn: urn("pulumi:providers:command", "default"),
  type: "pulumi:providers:command",
  id: "p1",
};

const step = (name: string, more: Partial<Resource> = {}): Resource => ({
  urn: urn(local, name),
  type: local,
  parent: stack.urn,
  provider: `${provider.urn}::p1`,
  inputs: { create: "make it", delete: "take it back", stdin: { ciphertext: "v1:x" } },
  ...more,
});
const volume: Resource = { urn: urn("libvirt:index/volume:Volume", "disk"), type: "libvirt:index/volume:Volume" };
const pending = (resource: Resource, type = "creating") => ({ resource, type });
const deployment = (pendings: Deployment["pending_operations"], more: readonly Resource[] = []) => ({
  manifest: { magic: "m" },
  resources: [stack, provider, ...more],
  pending_operations: pendings,
});

describe("what was under way", () => {
  it("is nothing if no run was cut off", () => {
    expect(settle(deployment([]))).toBeUndefined();
    expect(settle({ resources: null, pending_operations: null })).toBeUndefined();
  });

  it("becomes a resource if it was a command: with its delete, and another create", () => {
    const settled = settle(deployment([pending(step("boot"))]));
    const made = settled?.deployment.resources.at(-1);
    expect(made).toMatchObject({ urn: step("boot").urn, parent: stack.urn, id: expect.stringMatching(/./) });
    expect(made?.inputs).toMatchObject({ delete: "take it back", stdin: { ciphertext: "v1:x" } });
    expect(made?.inputs?.create).not.toBe("make it");
    expect(made?.outputs).toMatchObject({ ...made?.inputs, stdout: "", stderr: "" });
    expect(settled?.deployment.pending_operations).toEqual([]);
    expect(settled?.lines).toEqual(["boot was cut off while creating: it is done again"]);
  });

  it("is forgotten if libvirt knows, and if the resource is there still", () => {
    const settled = settle(
      deployment(
        [pending(volume), pending(step("old"), "updating"), pending(step("old"), "deleting"), pending(step("old"))],
        [step("old", { id: "old1" })],
      ),
    );
    expect(settled?.deployment.resources).toEqual([stack, provider, step("old", { id: "old1" })]);
    expect(settled?.lines).toHaveLength(4);
  });

  it("is taken in the order in which it depends on each other", () => {
    const second = step("second", { dependencies: [step("first").urn] });
    const names = settle(deployment([pending(step("first")), pending(second)]))?.deployment.resources;
    expect(names?.slice(2).map((it) => it.urn)).toEqual([step("first").urn, second.urn]);
  });

  it.each([
    ["parent", { parent: urn("duet:guest:Account", "gone") }],
    ["provider", { provider: `${urn("pulumi:providers:command", "gone")}::p1` }],
    ["dependency", { dependencies: [volume.urn] }],
  ])("is forgotten if its %s is not in the state, which Pulumi would refuse", (_what, more) => {
    expect(settle(deployment([pending(step("boot", more))]))?.deployment.resources).toEqual([stack, provider]);
  });

  it("leaves the rest of the state as it is", () => {
    const given = deployment([pending(step("boot"))]);
    expect(settle(given)?.deployment.manifest).toBe(given.manifest);
    expect(given.resources).toHaveLength(2);
  });
});

it("stands while it has resources, or something was under way", () => {
  expect([undefined, {}, { resources: [] }, { resources: null }].map(stands)).toEqual(Array(4).fill(false));
  expect(stands({ resources: [stack] })).toBe(true);
  expect(stands({ resources: [], pending_operations: [pending(stack)] })).toBe(true);
});
