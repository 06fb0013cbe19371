import * as pulumi from "@pulumi/pulumi";
import { afterEach, describe, expect, it, vi } from "vitest";
import { onThisMachine, type SpecInput } from "./library.ts";

const source = { copy: "sources" };
const spec: SpecInput = { sources: { kernel: source, module: source, tools: source }, vms: [{ name: "one" }] };

/** Makes this a program of a stack. */
async function programOf(project: string, stack: string): Promise<void> {
  const newResource = ({ name }: pulumi.runtime.MockResourceArgs) => ({ id: name, state: {} });
  await pulumi.runtime.setMocks({ newResource, call: () => ({}) }, project, stack);
}

async function ownerOf(project: string, stack: string): Promise<string | undefined> {
  await programOf(project, stack);
  return onThisMachine(spec).site.host.owner;
}

/** What it says is wrong, as pulumi prints it. */
function wordsOf(asked: object, folder?: string): string {
  try {
    onThisMachine(asked as SpecInput, folder);
  } catch (error) {
    if (pulumi.RunError.isInstance(error)) {
      return error.message;
    }
    throw error;
  }
  return "";
}

afterEach(() => vi.unstubAllEnvs());

describe("a program on this machine", () => {
  it("is known by its project and its stack, and under the launcher by the id that this has made", async () => {
    vi.stubEnv("DUET_ID", undefined);
    const owner = await ownerOf("one", "dev");
    expect(owner).toMatch(/^dev of \S+ \([0-9a-f]{8}\)$/);
    expect(owner).not.toContain("00000000");
    expect(await ownerOf("one", "dev")).toBe(owner);
    expect(await ownerOf("two", "dev")).not.toBe(owner);
    expect(await ownerOf("one", "dev2")).not.toContain(owner?.slice(-10));
    vi.stubEnv("DUET_ID", "01234567");
    expect(await ownerOf("one", "dev")).toMatch(/\(01234567\)$/);
  });

  it("has its relative paths below its own folder, or the one that it names", async () => {
    await programOf("one", "dev");
    expect(onThisMachine(spec).site.sources.kernel).toEqual({ copy: `${process.cwd()}/sources` });
    expect(onThisMachine(spec, "/elsewhere").site.sources.tools).toEqual({ copy: "/elsewhere/sources" });
  });

  it("is told all problems of its object, a line each, and those of the machine", async () => {
    await programOf("one", "dev");
    expect(wordsOf({ vms: [{ name: "One", memory: 1 }], hosts: {} })).toMatch(
      /^the spec of this stack has 4 problem\(s\):(?:\n {2}duet:\S+: [^\n]+){4}$/,
    );
    expect(wordsOf({ ...spec, kernel: { fragments: ["none/of.it"] } }, "/elsewhere")).toMatch(
      /problem\(s\):\n {2}duet:kernel\.fragments: asked for none\/of\.it, .* below \/elsewhere; [^\n]+$/,
    );
  });

  it("is told that only the launcher makes the embedded host, if that has not started it", async () => {
    await programOf("one", "dev");
    const asked = { ...spec, host: { sandbox: true } };
    vi.stubEnv("DUET_RUN", undefined);
    expect(wordsOf(asked)).toMatch(/\n {2}duet:host\.sandbox: asked for true, and bin\/pulumi .*; leave it out$/);
    vi.stubEnv("DUET_RUN", "/state/dev");
    expect(wordsOf(asked)).toBe("");
  });
});
