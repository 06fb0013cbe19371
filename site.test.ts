import { hostname, totalmem } from "node:os";
import { describe, expect, it } from "vitest";
import { parseSpec, type SpecError } from "./components/index.ts";
import { project } from "./launcher/project.ts";
import { findSite } from "./site.ts";

const source = { copy: "samples/module" };
const sources = { kernel: { package: "linux-source-6.1" }, module: source, tools: source };
const environment = { HOME: "/root" };

function siteOf(spec: object) {
  return findSite(parseSpec({ sources, vms: [{ name: "one" }], ...spec }), "dev", project, environment);
}

function problemsOf(spec: object): readonly string[] {
  try {
    siteOf(spec);
    return [];
  } catch (error) {
    return (error as SpecError).problems;
  }
}

describe("a site", () => {
  it("is this machine's libvirt, or the embedded host's", () => {
    expect(siteOf({})).toMatchObject({ host: { uri: "qemu:///system", enter: [], fetchNamespace: undefined } });
    expect(siteOf({ host: { sandbox: true } })).toMatchObject({
      host: {
        stack: "dev",
        enter: ["ip", "netns", "exec", "duet"],
        fetchNamespace: "/run/netns/duet-outer",
        stateFolder: "/root/.local/state/duet/stacks/dev",
      },
    });
  });

  it("has the web console of the embedded host where that has its /run, and says who would log in there", () => {
    expect(siteOf({}).console).toMatchObject({ sandboxRun: undefined });
    const { console } = findSite(
      parseSpec({ sources, vms: [{ name: "one" }], host: { sandbox: true } }),
      "dev",
      project,
      { ...environment, SUDO_USER: "eve" },
    );
    expect(console).toEqual({ sandboxRun: "/run/duet/run", login: `eve@${hostname()}` });
  });

  it("refuses more memory than the host has, and says how much that is", () => {
    const half = Math.ceil(totalmem() / 2 ** 21);
    const vms = [
      { name: "one", memory: half },
      { name: "two", memory: half + 1 },
    ];
    expect(problemsOf({ vms })).toEqual([
      expect.stringMatching(/^duet:vms: asked for \d+ MiB of memory in all, and this host has \d+; take less$/),
    ]);
    expect(problemsOf({ vms: vms.slice(0, 1) })).toEqual([]);
    expect(problemsOf({ vms, host: { uri: "qemu+ssh://root@elsewhere/system" } })).toEqual([]);
  });

  it.each(["stacks/none.config", "stacks", "debug"])(
    "refuses the fragment %s, which cannot be read, by its name",
    (fragment) => {
      expect(problemsOf({ kernel: { fragments: [fragment] } })).toEqual([
        expect.stringContaining(`asked for ${fragment}, and there is no such file`),
      ]);
    },
  );

  it("reads the fragments of the project, and leaves those of the kernel to whoever has its sources", () => {
    const fragments = ["debug.config", "perf", "stacks/kernel-sandbox.config"];
    expect(siteOf({ kernel: { fragments, config: ["CONFIG_A=y", "CONFIG_B=y"] } }).kernels[0].fragments).toEqual([
      { name: "debug.config" },
      { name: "perf" },
      { name: "stacks/kernel-sandbox.config", text: expect.stringContaining("CONFIG_PERF_EVENTS=y") },
      { name: "duet:kernel.config", text: "CONFIG_A=y\nCONFIG_B=y" },
    ]);
  });

  it("has an image of its own for guests with more packages, since they have no network to install them from", () => {
    const imageOf = (spec: object) => siteOf(spec).image;
    const plain = imageOf({});
    expect(imageOf({ tools: { perf: true } })).toEqual(plain);
    const [traced, packaged] = [
      imageOf({ tools: { packages: ["bpftrace"] } }),
      imageOf({ tools: { perf: "package" } }),
    ];
    expect(traced.build?.at(-1)).toBe("bpftrace");
    expect(packaged.build?.at(-1)).toBe("linux-perf");
    // Its libraries are the host's.
    expect(imageOf({ tools: { perf: true }, kernel: { toolchain: { suite: "bullseye" } } })).toEqual(packaged);
    expect(new Set([plain.path, traced.path, packaged.path]).size).toBe(3);
  });
});
