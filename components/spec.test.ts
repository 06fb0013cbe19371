import { describe, expect, it } from "vitest";
import { parseSpec, valuesOf } from "./spec.ts";
import { SpecError } from "./spec-problems.ts";

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
      kernels: [{ base: "guest", localmodconfig: true, fragments: [], config: [] }],
      vms: [{ name: "duetdev", memory: 1024, vcpus: 2 }],
    });
  });

  it("takes perf from where it can be had, and packages by their names", () => {
    const withTools = (tools: unknown, kernel: unknown = {}, module: unknown = {}) =>
      problemsOf({ ...good, tools, kernel, module });
    for (const perf of [false, true, "source", "package"]) {
      expect(withTools({ perf, packages: ["bpftrace", "linux-perf-6.1"] })).toEqual([]);
    }
    expect(withTools({ perf: "package" }, { toolchain: { suite: "bullseye" } })).toEqual([]);
    expect(withTools({ perf: "source" }, { toolchain: { suite: "bullseye" } })).toEqual([
      expect.stringMatching(/^duet:tools\.perf: .*take package$/),
    ]);
    expect(withTools({ perf: "newest" })).toEqual([expect.stringMatching(/^duet:tools\.perf\b.*source and package$/)]);
    for (const name of ["", "-y", "a b", "$(id)", "Perf"]) {
      expect(withTools({ packages: [name] })).toEqual([expect.stringMatching(/^duet:tools\.packages\[0\]/)]);
    }
    expect(withTools({}, { fragments: ["bpf"] }, { build: "guest" })).toEqual([
      expect.stringMatching(/^duet:module\.build: .*pahole.*leave it out$/),
    ]);
    expect(withTools({}, { fragments: ["bpf"] })).toEqual([]);
  });

  it("takes several kernels, of which each guest names one", () => {
    // Pulumi sorts them.
    const kernels = { "v6.12": { base: "tiny" }, old: { source: { package: "linux-source-6.1" }, boot: "direct" } };
    const vms = [
      { name: "a", kernel: "v6.12" },
      { name: "b", kernel: "old" },
    ];
    const asked = { ...good, kernels, vms };
    expect(parseSpec(asked).kernels).toMatchObject([
      { name: "old", base: "guest", boot: "direct" },
      { name: "v6.12", base: "tiny", boot: "installed" },
    ]);
    expect(problemsOf({ ...asked, vms: [{ name: "a", kernel: "none" }, { name: "c" }, vms[1]] })).toEqual([
      expect.stringMatching(/^duet:vms\[0\]\.kernel: asked for "none".*take old or v6\.12$/),
      expect.stringMatching(/^duet:vms\[1\]\.kernel: is missing.*take old or v6\.12$/),
      expect.stringMatching(/^duet:kernels\."v6\.12": .*no guest runs.*leave it out$/),
    ]);
    expect(problemsOf({ ...good, kernels: { one: {} } })).toEqual([]);
    expect(problemsOf({ ...good, vms: [vms[0]] })).toEqual([
      expect.stringMatching(/^duet:vms\[0\]\.kernel: .*leave it out$/),
    ]);
    expect(problemsOf({ ...asked, kernel: {} })).toEqual([expect.stringMatching(/^duet:kernels: .*leave out one/)]);
    expect(problemsOf({ ...asked, kernels: {} })).toEqual([expect.stringMatching(/^duet:kernels: .*leave it out$/)]);
    // Such names are those of other folders and steps, or come in another order.
    for (const name of ["old.config", "config", "new", "a-b", "6", "Old", "", "x".repeat(17)]) {
      expect([name, problemsOf({ ...asked, kernels: JSON.parse(`{ ${JSON.stringify(name)}: {} }`) })]).toEqual([
        name,
        [expect.stringMatching(/^duet:kernels\..*: asked for a kernel "/)],
      ]);
    }
    const builds = { ...asked, module: { build: "guest" }, tools: { perf: "source" } };
    const withToolchain = {
      ...kernels,
      old: { toolchain: { suite: "bullseye" }, packages: ["debug"], boot: "direct" },
    };
    expect(problemsOf({ ...builds, kernels: withToolchain })).toEqual([
      expect.stringMatching(/^duet:module\.build: .* duet:kernels\.old\.toolchain/),
      expect.stringMatching(/^duet:tools\.perf: .* duet:kernels\.old\.toolchain/),
      expect.stringMatching(/^duet:kernels\.old\.packages: asked for debug/),
    ]);
    expect(problemsOf({ ...asked, kernels: { ...kernels, old: { source: { tree: "/elsewhere" } } } })).toEqual([
      expect.stringMatching(/^duet:kernels\.old\.source\.tree: .*keep it below/),
    ]);
  });

  it("takes a way to boot for all guests and for one, and refuses packages that no guest would install", () => {
    const asked = (boot: unknown, ofOne: unknown, packages: readonly string[] = []) =>
      problemsOf({ ...good, kernel: { boot, packages }, vms: [{ name: "one", boot: ofOne }] });
    expect(asked("direct", undefined)).toEqual([]);
    expect(asked("direct", "installed", ["debug"])).toEqual([]);
    expect(asked("installed", "direct", ["debug"])).toEqual([
      expect.stringMatching(/^duet:kernel\.packages: asked for debug, .*leave it out$/),
    ]);
    expect(asked("netboot", undefined)).toEqual([
      expect.stringMatching(/^duet:kernel\.boot: asked for "netboot"; takes one of installed, direct$/),
    ]);
  });

  it("takes a toolchain in each of its forms, and refuses a module that a guest is to build without it", () => {
    const withToolchain = (toolchain: unknown, build?: string) =>
      problemsOf({ ...good, kernel: { toolchain }, module: build === undefined ? {} : { build } });
    const forms = ["host", { suite: "bullseye" }, { suite: "stretch", mirror: "http://m/debian" }, { root: "/r" }];
    for (const toolchain of [...forms, { cc: "gcc-9" }]) {
      expect(withToolchain(toolchain)).toEqual([]);
    }
    expect(withToolchain("host", "guest")).toEqual([]);
    expect(withToolchain({ cc: "gcc-9" }, "guest")).toEqual([
      expect.stringMatching(/^duet:module\.build: .*leave it out$/),
    ]);
    for (const wrong of ["gcc-9", {}, { cc: "-x" }, { suite: "a b" }, { root: "here" }, { suite: "a", root: "/r" }]) {
      expect(withToolchain(wrong)).toEqual([expect.stringMatching(/^duet:kernel\.toolchain\b/)]);
    }
  });

  it("keeps three dumps of a crash, and leaves the guest as it is, unless something else is asked for", () => {
    expect(parseSpec(good).host.crashes).toEqual({ dumps: 3, space: 8, after: "stay" });
    const crashes = { dumps: 0, space: 100, after: "reset", directory: "/keep" };
    expect(parseSpec({ ...good, host: { crashes } }).host.crashes).toEqual(crashes);
    for (const wrong of [{ dumps: -1 }, { space: 0 }, { after: "boot" }, { directory: "keep/" }]) {
      const [key] = Object.keys(wrong);
      expect(problemsOf({ ...good, host: { crashes: wrong } })).toEqual([
        expect.stringMatching(`^duet:host\\.crashes\\.${key}: `),
      ]);
    }
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

  it("names each field that it does not know, as it is written there", () => {
    const vm = JSON.parse('{ "name": "a", "__proto__": 1, "a\\u2028b": 2 }');
    expect(problemsOf({ ...good, vms: [vm], vmz: [] })).toEqual([
      expect.stringMatching(/^duet:vms\[0\]\.__proto__: nothing here is called that; /),
      expect.stringMatching(/^duet:vms\[0\]\."a\\u\{2028\}b": nothing here is called that; /),
      expect.stringMatching(/^duet:vmz: nothing here is called that; /),
    ]);
  });

  it("says of a value what can be said on a line, however deep or long it is, and whatever is in it", () => {
    const deep = JSON.parse("[".repeat(9000) + "]".repeat(9000));
    const said = (name: unknown) => problemsOf({ ...good, vms: [{ name }] })[0]?.replace(/^.*asked for |; .*$/g, "");
    expect(said(deep)).toBe('["…"]');
    expect(said({ a: [1], b: 2 })).toBe('{"a":"…","b":2}');
    expect(said("\u202e\u0085\n")).toBe('"\\u{202e}\\u{85}\\n"');
    expect(said("😀".repeat(1000))).toBe(`"${"😀".repeat(58)}…`);
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

  it("refuses sockets for stubs that have a port, or that nobody else reaches", () => {
    const vms = [{ name: "a", gdbPort: 4321 }];
    expect(problemsOf({ ...good, host: { stub: "socket" }, vms }).join()).toMatch(/^duet:vms: .*leave out one/);
    expect(problemsOf({ ...good, host: { stub: "socket", sandbox: true } }).join()).toMatch(/^duet:host\.stub: /);
  });

  it("refuses a web console for a libvirt that is elsewhere", () => {
    const host = { console: true, uri: "qemu+ssh://host/system" };
    expect(problemsOf({ ...good, host }).join()).toMatch(
      /^duet:host\.console: .*qemu\+ssh:\/\/host\/system; leave it out$/,
    );
    expect(problemsOf({ ...good, host: { ...host, console: false } })).toEqual([]);
    expect(problemsOf({ ...good, host: { ...host, sandbox: true } })).toEqual([]);
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

it("knows the values of a stack by what pulumi hands on: strings, and all else as JSON", () => {
  const config = { "duet:host": '{"sandbox":true}', "duet:vms": "null", "duet:image": "a: b", "other:vms": "[]" };
  expect(valuesOf(config)).toEqual({ host: { sandbox: true }, vms: null, image: "a: b" });
  // Not as the prototype of the others.
  expect(valuesOf({ "duet:__proto__": '{"vms":[]}' }).vms).toBeUndefined();
});
