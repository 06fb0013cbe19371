import { execFileSync } from "node:child_process";
import { beforeAll, describe, expect, it } from "vitest";
import { type Deployed, deploy, given, type Made, scriptOf, settled } from "../test/support/mocks.ts";
import { printedByHost, printedOf } from "../test/support/printed.ts";
import { DuetEnvironment } from "./environment.ts";
import { guestId } from "./names.ts";
import type { Site } from "./site.ts";
import { parseSpec } from "./spec.ts";

const vms = ["one", "two"] as const;
const spec = {
  host: { console: true },
  sources: {
    kernel: { git: "https://example.org/duet-kernel.git", branch: "tracepoints" },
    module: { copy: "/samples/module" },
    tools: { copy: "/samples/tools" },
  },
  kernel: { base: "guest", localmodconfig: true },
  vms: [{ name: "one" }, { name: "two", gdbPort: 4321, memory: 2048 }],
};

const site: Site = {
  host: {
    stack: "dev",
    uri: "qemu+unix:///system",
    enter: ["ip", "netns", "exec", "duet"],
    accelerator: "tcg",
    cache: "/cache",
    leases: "/state/leases",
    stateFolder: "/state/dev",
    consoleLogs: "/log",
    consoleLogsHere: "/log",
    stubs: "/stubs",
    developer: { uid: 1000, gid: 1001 },
    home: "/home/dev",
  },
  console: { sandboxRun: "/run/duet/run", login: "dev@host" },
  image: { path: "/images/debian.qcow2" },
  kernels: [{ fragments: [{ name: "perf", text: "CONFIG_PERF_EVENTS=y" }] }],
  sources: { kernel: spec.sources.kernel, module: spec.sources.module, tools: spec.sources.tools },
};

const printed = { ...printedByHost, ...printedOf(vms), "two-gdb-port": "4321" };

const facts = "duet:machine:Facts";
const local = "command:local:Command";
const remote = "command:remote:Command";
const domain = "libvirt:index/domain:Domain";

let env: Deployed<DuetEnvironment>;
beforeAll(async () => {
  env = await deploy(() => new DuetEnvironment("duet", { spec: parseSpec(spec), site }), printed);
});

const label = ({ type, name }: Made) => `${type} ${name}`;
const steps = () => env.made.filter(({ type }) => type === local || type === remote);
const step = (name: string): Made => steps().find((one) => one.name === name) as Made;
/** Where the machine keeps a step. */
const recordsOf = (one: Made) => /^title=.* records=(\S+) /m.exec(scriptOf(one).file)?.[1];
/** The steps of a guest, by the resource with which they go. */
const stepsOf = (vm: string) => steps().flatMap((one) => (one.deletedWith === `${domain} ${vm}` ? [one.name] : []));
const isComponent = ({ type }: Made) => type.startsWith("duet:") && type !== facts;

/** All that has to be there before a resource is made: what it depends on, what its parents depend on, and so on. */
function needs(resource: Made, seen = new Set<string>()): ReadonlySet<string> {
  for (const next of [...resource.dependsOn, ...(resource.parent === undefined ? [] : [resource.parent])]) {
    const found = env.made.find((one) => label(one) === next);
    if (found !== undefined && !seen.has(next)) {
      seen.add(next);
      needs(found, seen);
    }
  }
  return seen;
}

describe("the parts of an environment", () => {
  it("have the tokens by which a state knows them", () => {
    const tokens = env.made.filter(isComponent).map(({ type, name }) => [name, type]);
    expect(Object.fromEntries(tokens.filter(([name]) => !/^(one|two)\b/.test(name ?? "")))).toEqual({
      duet: "duet:index:DuetEnvironment",
      "crash-reports": "duet:crash:CrashReports",
      "host-packages": "duet:host:HostPackages",
      "kernel-source": "duet:sources:SourceTree",
      "module-source": "duet:sources:SourceTree",
      "tools-source": "duet:sources:SourceTree",
      network: "duet:host:Network",
      "web-console": "duet:host:WebConsole",
      image: "duet:guest:Image",
      "nfs-export": "duet:host:NfsExport",
      "kernel-config": "duet:kernel:KernelConfig",
      kernel: "duet:kernel:KernelBuild",
      module: "duet:duet:DuetModule",
      tools: "duet:duet:DuetTools",
      editor: "duet:editor:Editor",
    });
  });

  it.each(vms)("are the same for guest %s as for any other", (vm) => {
    const tokens = env.made.filter((one) => isComponent(one) && one.name.split("-")[0] === vm);
    expect(Object.fromEntries(tokens.map(({ type, name }) => [name.replace(vm, "VM"), type]))).toEqual({
      VM: "duet:guest:VirtualMachine",
      "VM-address": "duet:host:GuestAddress",
      "VM-gdb-port": "duet:host:GdbPort",
      "VM-access": "duet:guest:Access",
      "VM-packages": "duet:guest:GuestPackages",
      "VM-account": "duet:guest:Account",
      "VM-mount": "duet:guest:NfsMount",
      "VM-kernel": "duet:kernel:KernelInstall",
      "VM-debug": "duet:gdb:DebugSession",
    });
  });

  it("are below the environment, each resource in the component that makes it", () => {
    const root = "duet:index:DuetEnvironment duet";
    expect(env.made.filter(({ parent }) => parent === undefined).map(label)).toEqual([root]);
    for (const one of env.made) {
      expect([label(one), needs(one).has(root) || label(one) === root]).toEqual([label(one), true]);
    }
    for (const one of steps()) {
      expect([one.name, one.parent]).toEqual([
        one.name,
        expect.stringMatching(/^duet:(host|sources|guest|kernel|duet|gdb|crash|editor):/),
      ]);
    }
  });

  it("all register their outputs", () => {
    const missing = env.made.filter((one) => isComponent(one) && one.outputs === undefined);
    expect(missing.map(label)).toEqual([]);
    expect(Object.keys(env.resource("duet:index:DuetEnvironment", "duet").outputs ?? {}).sort()).toEqual([
      "vms",
      "webConsole",
      "workspace",
    ]);
  });

  it("have names of their own, as a machine knows its steps by them", () => {
    const names = steps().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it("talk to the libvirt of the site", () => {
    expect(env.resource("pulumi:providers:libvirt", "duet-libvirt").inputs.uri).toBe(site.host.uri);
    for (const one of env.made.filter(({ type }) => type.startsWith("libvirt:"))) {
      expect([label(one), one.provider]).toEqual([label(one), "pulumi:providers:libvirt duet-libvirt"]);
    }
  });
});

describe("the steps of each machine", () => {
  it("go to one resource of facts each", () => {
    const machines = env.made.filter(({ type }) => type === facts).map(({ name }) => name);
    expect(machines.sort()).toEqual(["host", "one-facts", "two-facts"]);
    expect(steps().every((one) => recordsOf(one) !== undefined)).toBe(true);
  });

  it.each([...vms])("of guest %s run in that guest, all others on the host", (vm) => {
    const names = stepsOf(vm);
    const address = `192.168.151.${10 + vms.indexOf(vm)}`;
    // The kernel's boot ends every connection to its guest.
    const fromHost = `${vm}-kernel-boot`;
    for (const name of names.filter((name) => name !== fromHost)) {
      expect([name, step(name).type, step(name).inputs.connection?.host]).toEqual([name, remote, address]);
    }
    expect(step(fromHost).type).toBe(local);
    for (const one of steps().filter((one) => recordsOf(one) === "/state/dev/steps")) {
      expect([one.name, one.type]).toEqual([one.name, local]);
    }
    expect(names).toContain(`${vm}-mount`);
  });

  it("are read after the machine is there, and before one of them runs", () => {
    for (const [name, machine] of [
      ["kernel", "host"],
      ["one-mount", "one-facts"],
      ["two-mount", "two-facts"],
    ] as const) {
      expect(needs(step(name))).toContain(`${facts} ${machine}`);
    }
    expect(needs(env.resource(facts, "one-facts"))).toContain(`${local} one-boot`);
  });

  it("are bash that parses", () => {
    for (const one of steps()) {
      for (const script of [one.inputs.create, scriptOf(one).file, one.inputs.delete]) {
        expect(() => execFileSync("bash", ["-n"], { input: script }), one.name).not.toThrow();
      }
    }
  });
});

describe("two guests", () => {
  it("get a port, an address and keys of their own", async () => {
    const { value } = await settled(env.value.vms);
    expect(value.map(({ name, gdbPort, address }) => [name, gdbPort, address])).toEqual([
      ["one", 1234, "192.168.151.10"],
      ["two", 4321, "192.168.151.11"],
    ]);
    expect(env.resource(domain, "one").inputs.xml.xslt).toContain("tcp:127.0.0.1:1234");
    expect(env.resource(domain, "two").inputs.xml.xslt).toContain("tcp:127.0.0.1:4321");
    expect(vms.map((vm) => given(step(`${vm}-gdb-port`), "owner"))).toEqual(["dev/one", "dev/two"]);
    const hostKeys = vms.map((vm) => step(`${vm}-mount`).inputs.connection.hostKey);
    expect(hostKeys).toEqual(["ssh-ed25519 one h", "ssh-ed25519 two h"]);
  });

  it("are both served the sources, each by its address", () => {
    expect(given(step("nfs-export"), "clients")).toBe("(192.168.151.10 192.168.151.11)");
  });

  it("have what was asked for each", () => {
    expect(env.resource(domain, "one").inputs).toMatchObject({ memory: 1024, name: "one" });
    expect(env.resource(domain, "two").inputs).toMatchObject({ memory: 2048, name: "two" });
  });

  it("share one compilation of module and tools, in the first of them", () => {
    expect(stepsOf("one")).toEqual(expect.arrayContaining(["module-build", "tools-build", "module-one", "tools-one"]));
    expect(stepsOf("two").filter((name) => name.endsWith("-build"))).toEqual([]);
  });
});

describe("the packages of the host", () => {
  const packagesWith = async (host: object) => {
    const args = { spec: parseSpec({ ...spec, host, vms: [{ name: "one" }] }), site };
    const { resource } = await deploy(() => new DuetEnvironment("duet", args), {
      ...printed,
      "one-gdb-socket": "/stubs/one.sock",
    });
    return given(resource(local, "host-packages"), "packages");
  };

  it("have what sets access lists if a gdb socket needs one, also for root", async () => {
    expect(await packagesWith({ stub: "socket" })).toMatch(/[( ]acl\)$/);
    expect(await packagesWith({})).not.toMatch(/\bacl\b/);
  });
});

describe("how to work with a guest", () => {
  it("is printed as commands that work from any shell of the host", async () => {
    const { value, secret } = await settled(env.value.vms);
    expect(value[0]).toEqual({
      name: "one",
      address: "192.168.151.10",
      stub: "127.0.0.1:1234",
      gdbPort: 1234,
      kernelRelease: "6.1.0+duet-abc",
      sshCommand: "ip netns exec duet ssh -F /state/dev/one/ssh_config one",
      gdbCommand: "/state/dev/one.gdb.sh",
    });
    expect(secret).toBe(false);
  });
});

describe("the order", () => {
  it.each([
    ["kernel-source", "host-packages"],
    ["kernel-config", "kernel-source"],
    ["kernel-config", "kernel-config-guest-modules"],
    ["kernel-config", "kernel-config-guest-config"],
    ["kernel", "kernel-config"],
    ["nfs-export", "module-source"],
    ["nfs-export", "host-packages"],
    ["one-mount", "nfs-export"],
    ["one-mount", "one-packages"],
    ["one-kernel-package", "one-mount"],
    ["one-kernel-package", "kernel"],
    ["one-kernel-boot", "one-kernel-package"],
    ["one-kernel-package", "one-crashes"],
    ["one-crashes", "one-boot"],
    ["one-crashes", "drgn"],
    ["module-build", "one-kernel-boot"],
    ["module-build", "one-account"],
    ["module-two", "module-build"],
    ["module-two", "two-kernel-boot"],
    ["tools-two", "module-two"],
    ["tools-one", "tools-build"],
    ["two-debug", "module-two"],
  ])("has %s after %s", (later, earlier) => {
    expect(needs(step(later))).toContain(label(step(earlier)));
  });

  it("has the kernel built while the guests boot, as far as its configuration allows", () => {
    expect(needs(step("kernel-source"))).not.toContain(`${local} one-boot`);
    expect(needs(step("kernel"))).not.toContain(`${local} two-boot`);
  });

  it("has no guest wait for another's kernel", () => {
    expect(needs(step("two-kernel-boot"))).not.toContain(`${local} one-kernel-boot`);
  });
});

describe("secrets", () => {
  it("are nowhere but where they are marked as secrets", () => {
    for (const { type, name, inputs, secrets } of env.made) {
      const open = Object.entries(inputs).filter(([key]) => !secrets.includes(key));
      expect([type, name, /(CLIENT|HOST) KEY/.test(JSON.stringify(open))]).toEqual([type, name, false]);
    }
    for (const { name, outputs } of env.made) {
      expect([name, /(CLIENT|HOST) KEY/.test(JSON.stringify(outputs ?? {}))]).toEqual([name, false]);
    }
  });

  it("are in no command's text and in no script", () => {
    for (const one of steps()) {
      const { file } = scriptOf(one);
      expect([one.name, /(CLIENT|HOST) KEY/.test(file + one.inputs.create + one.inputs.delete)]).toEqual([
        one.name,
        false,
      ]);
    }
  });

  it("reach each guest through a connection that is secret", () => {
    for (const one of steps().filter(({ type }) => type === remote)) {
      expect([one.name, one.secrets]).toEqual([one.name, expect.arrayContaining(["connection"])]);
    }
  });

  it("are kept from the log by the step that makes them", () => {
    for (const vm of vms) {
      expect(step(`${vm}-access`)).toMatchObject({ inputs: { logging: "none" }, secretOutputs: ["stdout", "stderr"] });
    }
  });
});

describe("what dies with a domain", () => {
  it.each(vms)("is all that %s has inside, so that no destroy asks a guest that is gone", (vm) => {
    const own = `${domain} ${vm}`;
    expect(env.resource(facts, `${vm}-facts`).deletedWith).toBe(own);
    for (const name of stepsOf(vm)) {
      expect([name, step(name).deletedWith]).toEqual([name, own]);
    }
    expect(step(`${vm}-kernel-boot`).deletedWith).toBe(own);
  });

  it("is nothing of the host: leases, keys and files are given back", () => {
    for (const name of ["one-gdb-port", "one-access", "one-debug", "network-subnet", "nfs-export"]) {
      expect([name, step(name).deletedWith]).toEqual([name, undefined]);
    }
  });
});

describe("a replacement", () => {
  it("makes room first, wherever libvirt knows a thing by its name", () => {
    const fixed = env.made.filter(({ type }) => type.startsWith("libvirt:"));
    expect(fixed.map(({ name }) => name).sort()).toEqual([
      ...["image", "image-pool", "network", "one", "one-disk", "one-seed", "two", "two-disk", "two-seed"],
    ]);
    expect(fixed.filter(({ deleteBeforeReplace }) => !deleteBeforeReplace).map(({ name }) => name)).toEqual([]);
  });

  it("is never of a step: what runs again is an update", () => {
    for (const one of steps()) {
      expect([one.name, one.inputs.triggers]).toEqual([one.name, undefined]);
    }
  });

  it("is forbidden by nothing that we protect", () => {
    expect(env.made.filter(({ protect }) => protect)).toEqual([]);
  });
});

describe("a guest may have any name", () => {
  const words = () => {
    const own = env.made.flatMap(({ name }) => (/^(?:one|two)\b/.test(name) ? [] : [name]));
    // What the state has of a stack beside its guests, and what stands before a guest's name.
    const others = ["steps", "nfs", "groups", "unfinished", "module", "tools", "one-kernel", "gdb", "gdb-access"];
    return [...new Set([...own, ...own.flatMap((name) => name.split("-")), ...others])].filter((it) => it.length < 33);
  };
  const twice = (names: readonly string[]) => names.filter((name, at) => names.indexOf(name) !== at);

  it("that something of the stack has too, and nothing is called as something else is", async () => {
    const names = words();
    expect(names).toEqual(expect.arrayContaining(["gdb", "build", "kernel", "image", "host", "steps"]));
    for (let at = 0; at < names.length; at += 16) {
      const guests = names.slice(at, at + 16);
      const ids = guests.map(guestId);
      const args = { spec: parseSpec({ ...spec, vms: guests.map((name) => ({ name })) }), site };
      // A step of the host and one of a guest may have one name: here they print what both of them do.
      const both = Object.entries(printedOf(ids)).map(([name, text]) => [
        name,
        `${printedByHost[name] ?? ""}\n${text}`.trim(),
      ]);
      const outputs = { ...printedByHost, ...Object.fromEntries(both) };
      const { made } = await deploy(() => new DuetEnvironment("duet", args), outputs);
      const commands = made.filter(({ type }) => type === local || type === remote);
      expect(twice(commands.map((one) => `${one.deletedWith} ${recordsOf(one)}/${one.name}`))).toEqual([]);
      expect(twice(made.map(({ type, name, parent }) => `${parent} ${type} ${name}`))).toEqual([]);
      expect(twice(made.flatMap(({ type, inputs }) => (type.includes("Volume") ? [inputs.name] : [])))).toEqual([]);
      const files = made.flatMap((one) =>
        one.type === local
          ? (["folder", "command_file", "debugger_file", "joined"] as const).map((name) => given(one, name))
          : [],
      );
      const own = ["steps", "unfinished", "Pulumi.yaml", "Pulumi.dev.yaml"].map((name) => `/state/dev/${name}`);
      // The keys and the seed of a guest are in one folder.
      expect(twice([...new Set(files.filter((file) => file !== undefined)), ...own])).toEqual([]);
    }
  });
});

describe("another spec", () => {
  it("without the guest's configuration asks the guest for none", async () => {
    const tiny = await deploy(
      () =>
        new DuetEnvironment("duet", {
          spec: parseSpec({ ...spec, kernel: { base: "tiny", localmodconfig: false } }),
          site,
        }),
      printed,
    );
    expect(tiny.made.map(({ name }) => name)).not.toContain("kernel-config-guest-config");
    expect(tiny.made.map(({ name }) => name)).not.toContain("kernel-config-guest-modules");
    const kernel = tiny.resource("duet:kernel:KernelBuild", "kernel");
    expect(kernel.outputs).toMatchObject({ release: "6.1.0+duet-abc" });
  });

  it.each([
    [{}, false],
    [{ sandbox: true }, true],
    [{ sandbox: true, console: false }, false],
    [{ console: true }, true],
  ])("with the host %j has a web console: %j", async (host, has) => {
    const args = { spec: parseSpec({ ...spec, host }), site };
    const { made, value } = await deploy(() => new DuetEnvironment("duet", args), printed);
    expect([made.some(({ name }) => name === "web-console"), value.webConsole !== undefined]).toEqual([has, has]);
  });

  it("with perf and BTF has what both take on the host, and perf in each guest beside its other packages", async () => {
    const asked = { kernel: { ...spec.kernel, fragments: ["bpf"] }, tools: { perf: true, packages: ["bpftrace"] } };
    const env = await deploy(() => new DuetEnvironment("duet", { spec: parseSpec({ ...spec, ...asked }), site }), {
      ...printed,
      "perf-build": "perf: p1",
    });
    expect(given(env.resource(local, "host-packages"), "packages")).toMatch(/\bdwarves\b.*\blibdw-dev\b/);
    for (const vm of vms) {
      expect(given(env.resource(remote, `perf-${vm}`), "built")).toBe("p1");
      expect(given(env.resource(remote, `${vm}-packages`), "packages")).toMatch(/\bmake\b.*\bbpftrace\b/);
    }
    expect([...needs(env.resource(remote, "perf-one"))]).toEqual(
      expect.arrayContaining([`${local} one-kernel-boot`, `${remote} one-mount`, "duet:guest:Account one-account"]),
    );
  });

  it("has each guest come to its kernel as it is asked for, and packs what that takes", async () => {
    const kernel = { ...spec.kernel, boot: "direct" };
    const [one, two] = spec.vms;
    const environment = (vms: readonly object[]) =>
      deploy(() => new DuetEnvironment("duet", { spec: parseSpec({ ...spec, kernel, vms }), site }), printed);
    const both = await environment([one, { ...two, boot: "installed" }]);
    const named = both.made.map(({ name }) => name).filter((name) => /^(?:one|two)-kernel-/.test(name));
    expect(named.sort()).toEqual(
      ["one-kernel-default", "one-kernel-direct", "one-kernel-modules", "two-kernel-boot", "two-kernel-package"].sort(),
    );
    expect(given(both.resource(local, "kernel"), "packages")).toBe("(image modules)");
    expect(given((await environment([one])).resource(local, "kernel"), "packages")).toBe("(modules)");
  });

  it("has a build, and an object of the module, for each of several kernels", async () => {
    const kernels = { old: { boot: "direct" }, next: {}, "v6.12": { source: { tree: "/media/data/duet/mine" } } };
    const vms = [
      { name: "one", kernel: "old" },
      { name: "two", kernel: "next" },
      { name: "three", kernel: "v6.12" },
    ];
    const { kernel: _, ...rest } = spec;
    const asked = parseSpec({ ...rest, kernels, tools: { perf: true }, vms });
    const ofKernel = (id: string) => ({
      [`${id}-guest-config`]: "CONFIG_FROM_GUEST=y",
      [`${id}-config-guest-modules`]: "Module Size",
      [`${id}-config-guest-config`]: "CONFIG_FROM_GUEST=y",
      [`${id}-config`]: "config: c1",
      [id]: `${printedByHost.kernel}\n`,
    });
    const env = await deploy(
      () =>
        new DuetEnvironment("duet", {
          spec: asked,
          site: {
            ...site,
            kernels: asked.kernels.map(({ name, source }) => ({ name, fragments: [], source: source as never })),
          },
        }),
      {
        ...printed,
        ...printedOf(["one", "two", "three"]),
        "kernel.v6.12-source": "commit: abc\nhash: h1",
        ...Object.assign({}, ...Object.keys(kernels).map((name) => ofKernel(`kernel.${name}`))),
        ...Object.fromEntries(Object.keys(kernels).map((name) => [`module.${name}-build`, "build-id: m1"])),
        ...Object.fromEntries(Object.keys(kernels).map((name) => [`perf.${name}-build`, "perf: p1"])),
      },
    );
    const commands = env.made.filter(({ type }) => type === local || type === remote);
    const step = (name: string) => commands.find((one) => one.name === name) as Made;
    expect(new Set(commands.map(({ name }) => name)).size).toBe(commands.length);
    const builds = Object.keys(kernels).map((name) => `/media/data/duet/build/duet-kernel.${name}`);
    const steps = Object.keys(kernels).map((name) => step(`kernel.${name}`));
    expect(steps.map((one) => [given(one, "build"), given(one, "tree"), given(one, "what")])).toEqual([
      [builds[0], "/media/data/duet/duet-kernel", "kernel-build.old"],
      [builds[1], "/media/data/duet/duet-kernel", "kernel-build.next"],
      [builds[2], "/media/data/duet/mine", "kernel-build.v6.12"],
    ]);
    expect(steps.map((one) => given(one, "packages"))).toEqual(["(modules)", "(image)", "(image)"]);
    expect(commands.map(({ name }) => name).filter((name) => /^kernel.*-source$/.test(name))).toEqual([
      "kernel-source",
      "kernel.v6.12-source",
    ]);
    for (const [at, [guest, name]] of [
      ["one", "old"],
      ["two", "next"],
      ["three", "v6.12"],
    ].entries()) {
      const objects = expect.stringMatching(new RegExp(`^${builds[at]}/duet-module\\.[0-9a-f]{8}$`));
      expect([guest, given(step(`module.${name}-build`), "objects")]).toEqual([guest, objects]);
      // A guest that goes over to another kernel keeps the step.
      expect([guest, given(step(`module-${guest}`), "objects")]).toEqual([guest, objects]);
      const own = given(step(`module-${guest}`), "objects");
      expect(scriptOf(step(`${guest}-debug`)).script).toContain(`lx-symbols ${own}\n`);
      expect([guest, given(step(`perf-${guest}`), "build")]).toEqual([guest, builds[at]]);
      expect([guest, given(step(`${guest}-boot`), "build")]).toEqual([guest, builds[at]]);
    }
    const { value } = await settled(env.value.vms);
    expect(value.map(({ name, kernel }) => [name, kernel])).toEqual(vms.map(({ name, kernel }) => [name, kernel]));
  });

  it("forgets how a guest was proven before anything is done in it, and keeps it once all is done", async () => {
    const [one, two] = spec.vms;
    const asked = { ...spec, tools: { perf: true }, vms: [one, { ...two, snapshot: true }] };
    const env = await deploy(() => new DuetEnvironment("duet", { spec: parseSpec(asked), site }), {
      ...printed,
      "perf-build": "perf: p1",
    });
    expect(env.made.filter(({ name }) => name.startsWith("one-snapshot"))).toEqual([]);
    const [forget, keep] = [env.resource(local, "two-snapshot-void"), env.resource(local, "two-snapshot-take")];
    expect(forget.dependsOn).toContain(`${local} two-boot`);
    const inTwo = env.made.filter(({ type, deletedWith }) => type === remote && deletedWith === `${domain} two`);
    expect(inTwo.length).toBeGreaterThan(5);
    for (const step of inTwo) {
      expect([step.name, step.dependsOn]).toEqual([step.name, expect.arrayContaining([`${local} two-snapshot-void`])]);
    }
    expect(keep.dependsOn).toEqual(
      expect.arrayContaining([`${local} two-debug`, `${remote} tools-two`, `${remote} perf-two`]),
    );
  });

  it("with nfs-ganesha installs and starts that one", async () => {
    const ganesha = await deploy(
      () =>
        new DuetEnvironment("duet", {
          spec: parseSpec({ ...spec, host: { sandbox: true } }),
          site: { ...site, host: { ...site.host, fetchNamespace: "/run/netns/outer" } },
        }),
      printed,
    );
    const packages = ganesha.resource(local, "host-packages");
    expect(given(ganesha.resource(local, "nfs-export"), "folder")).toBe("/state/dev/nfs");
    expect(given(packages, "packages")).toContain("nfs-ganesha-vfs");
    expect(given(packages, "fetch_namespace")).toBe("/run/netns/outer");
  });
});

describe("on a host on which Pulumi runs as a person whom others share it with", () => {
  const as = ["sudo", "-A", "--"];
  const host = { ...site.host, owner: "dev of eve (0123)", leases: "/var/lib/duet/leases" };
  let shared: Deployed<DuetEnvironment>;
  beforeAll(async () => {
    const root = { as, folder: "/var/lib/duet/stacks/0123" };
    shared = await deploy(
      () =>
        new DuetEnvironment("duet", {
          spec: parseSpec(spec),
          site: { ...site, host: { ...host, root }, console: { login: "eve@host" } },
        }),
      printed,
    );
  });
  const localSteps = () => shared.made.filter(({ type }) => type === local);

  it("has root do what only root can, in a folder of root's, and all else as that person", () => {
    const [ofRoot, own] = [true, false].map((isRoot) =>
      localSteps()
        .filter((one) => recordsOf(one) !== "/var/lib/duet/steps")
        .filter(({ inputs }) => inputs.create.includes("sudo -A -- bash") === isRoot)
        .map((one) => [one.name, recordsOf(one)] as const),
    );
    expect(ofRoot?.map(([name]) => name).sort()).toEqual([
      "host-packages",
      "image-file",
      "network-subnet",
      "nfs-export",
      "one-console",
      "one-crashes",
      "one-gdb-port",
      "sources-directory",
      "stack-name",
      "two-console",
      "two-crashes",
      "two-gdb-port",
      "web-console",
    ]);
    expect(new Set(ofRoot?.map(([, records]) => records))).toEqual(new Set(["/var/lib/duet/stacks/0123/steps"]));
    expect(new Set(own?.map(([, records]) => records))).toEqual(new Set(["/state/dev/steps"]));
  });

  it("marks what it has there with more than its name", () => {
    const { inputs } = shared.resource(domain, "one");
    expect(inputs.description).toBe("Duet stack dev of eve (0123)");
    const leases = localSteps().flatMap((one) =>
      given(one, "leases")?.startsWith("/var/lib/duet/") ? [given(one, "owner")] : [],
    );
    expect(leases).toEqual(Array(5).fill(expect.stringMatching(/^'dev of eve \(0123\)/)));
  });

  it("has gdb run as that person, who is the developer, with the line that lets it load the kernel's scripts", async () => {
    const { value } = await settled(shared.value.vms);
    expect(value.map(({ gdbCommand }) => gdbCommand)).toEqual([
      "ip netns exec duet gdb -x /state/dev/one.gdb",
      "ip netns exec duet gdb -x /state/dev/two.gdb",
    ]);
    expect(shared.resource(local, "two-debug").dependsOn).toContain(`${local} gdb-access`);
    // Root's own gdb gets no such line.
    expect(steps().map(({ name }) => name)).not.toContain("gdb-access");
  });

  it("has its guests watched by units of root's, in folders of root's that nobody else has", () => {
    const watches = vms.map((vm) => shared.resource(local, `${vm}-crashes`));
    expect(watches.map((one) => given(one, "unit"))).toEqual(["duet-watch-one", "duet-watch-two"]);
    const folders = watches.map((one) => given(one, "watch"));
    expect(folders).toEqual(vms.map((vm) => `/var/lib/duet/stacks/0123/crashes/${vm}`));
    expect(vms.map((vm) => given(shared.resource(local, `${vm}-boot`), "watch"))).toEqual(folders);
    expect(given(step("one-crashes"), "unit")).toBe("''");
  });

  it("leases its name before it makes anything", () => {
    const packages = localSteps().find(({ name }) => name === "host-packages");
    expect(packages?.dependsOn).toContain("command:local:Command stack-name");
  });
});
