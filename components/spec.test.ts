import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseSpec, SpecError } from "./spec.ts";

const good = {
  sources: {
    kernel: { package: "linux-source-6.1" },
    module: { copy: "samples/module" },
    tools: { copy: "samples/tools" },
  },
  vms: [{ name: "duetdev" }],
};

function problemsOf(config: unknown): readonly string[] {
  try {
    parseSpec(config);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(SpecError);
    return (error as SpecError).problems;
  }
}

describe("parseSpec", () => {
  it("fills in every default", () => {
    expect(parseSpec(good)).toMatchObject({
      host: { sandbox: false, uri: "qemu:///system", nfsServer: "auto", accelerator: "auto" },
      developer: { user: "duet", conflict: "move" },
      sources: { directory: "/media/data/duet" },
      kernel: { base: "guest", localmodconfig: true, fragments: [], config: [] },
      vms: [{ name: "duetdev", memory: 1024, vcpus: 2 }],
    });
  });

  it("lists all problems at once, each with its field", () => {
    const problems = problemsOf({
      sources: { ...good.sources, directory: "media/", tools: {} },
      vms: [{ name: "Duet Dev", memory: 256, gdbPort: 80 }],
      vmz: [],
    });
    expect(problems).toHaveLength(6);
    for (const field of [
      "sources.directory",
      "sources.tools",
      "vms[0].name",
      "vms[0].memory",
      "vms[0].gdbPort",
      "vmz",
    ]) {
      expect(problems.join("\n")).toContain(field);
    }
  });

  it("warns of memory as the guide does", () => {
    expect(problemsOf({ ...good, vms: [{ name: "a", memory: 511 }] })).toEqual([
      "duet:vms[0].memory: asked for 511 MiB; Duet fails page allocations under 512 MiB (guide, tips): take 512 or more",
    ]);
    expect(problemsOf({ ...good, vms: [{ name: "a", memory: 512 }] })).toEqual([]);
  });

  it.each([
    ["logs", [{ name: "a" }, { name: "a-console" }], "a-console.log"],
    ["names", [{ name: "a" }, { name: "a" }], "two VMs with the name a"],
    [
      "gdb ports",
      [
        { name: "a", gdbPort: 4321 },
        { name: "b", gdbPort: 4321 },
      ],
      "gdb port 4321 twice",
    ],
  ])("refuses the same %s twice", (_what, vms, message) => {
    expect(problemsOf({ ...good, vms }).join()).toContain(message);
  });

  it("refuses a tree that guests cannot see", () => {
    const sources = { ...good.sources, module: { tree: "/home/me/duet-module" } };
    expect(problemsOf({ ...good, sources }).join()).toContain("keep it below /media/data/duet");
  });

  it.each(["-x", "a..b", "x y", "a;b", ""])("refuses the branch %j", (branch) => {
    const sources = { ...good.sources, module: { git: "https://example.org/m.git", branch } };
    expect(problemsOf({ ...good, sources })).not.toEqual([]);
  });
});

const anything = fc.anything({ withBigInt: false, withDate: false, withMap: false, withSet: false });
const field = <T>(valid: T) => fc.oneof({ weight: 40, arbitrary: fc.constant(valid) }, anything, fc.string());
const virtualMachine = fc.record(
  { name: field("duetdev"), memory: field(1024), vcpus: field(2), disk: field(8), gdbPort: field(1234) },
  { requiredKeys: ["name"] },
);
const source = fc.oneof(
  fc.record({ git: field("https://example.org/a.git"), branch: field("main") }, { requiredKeys: ["git"] }),
  fc.record({ package: field("linux-source-6.1") }),
  fc.record({ tree: field("/media/data/duet/duet-module") }),
  fc.record({ copy: field("samples/module") }),
);
const config = fc.record(
  {
    host: field({ sandbox: true }),
    developer: field({ user: "duet" }),
    sources: fc.record(
      { directory: field("/media/data/duet"), kernel: source, module: source, tools: source },
      { requiredKeys: [] },
    ),
    image: field({ build: "debian-12" }),
    kernel: fc.record(
      { base: field("tiny"), localmodconfig: field(false), fragments: field([]), config: field([]) },
      { requiredKeys: [] },
    ),
    vms: fc.oneof(
      { weight: 20, arbitrary: fc.array(virtualMachine, { maxLength: 2 }) },
      { weight: 1, arbitrary: anything },
    ),
  },
  { requiredKeys: ["sources", "vms"] },
);

describe("any spec", () => {
  const numRuns = Number(process.env.FUZZ_RUNS ?? 500);
  it(`is accepted, or refused with a line that names the field (${numRuns} cases)`, () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.oneof({ weight: 9, arbitrary: config }, { weight: 1, arbitrary: anything }), (candidate) => {
        const problems = problemsOf(candidate);
        refused += problems.length > 0 ? 1 : 0;
        for (const problem of problems) {
          expect(problem).toMatch(/^duet(?::(?:host|developer|sources|image|kernel|module|vms)[\w.[\]]*)?: \S[^\n]*$/);
          expect(problem).not.toMatch(/Invalid input|Unrecognized|expected \w+, received/);
        }
      }),
      { numRuns },
    );
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(numRuns);
  });
});
