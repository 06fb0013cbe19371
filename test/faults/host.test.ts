/** The faults of the host's files, applied to what the product's own scripts have made, and read with its own facts. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { DuetModule } from "../../components/duet/module.ts";
import { DebugSession } from "../../components/gdb/session.ts";
import { Image } from "../../components/guest/image.ts";
import { GdbPort } from "../../components/host/gdb-port.ts";
import type { Host } from "../../components/host/host.ts";
import { NfsExport } from "../../components/host/nfs-export.ts";
import { KernelBuild } from "../../components/kernel/build.ts";
import { KernelConfig } from "../../components/kernel/config.ts";
import type { Shell } from "../../components/machine/shell.ts";
import { sh } from "../../components/machine/shell.ts";
import { SourceTree } from "../../components/sources/source-tree.ts";
import { readMachine } from "../../provider/drift.ts";
import { guestImagePath } from "../../sandbox/image/build.ts";
import type { Snapshot } from "../e2e/snapshot.ts";
import { shared, type TestStack } from "../e2e/stack.ts";
import { deploy, localGuest, localHost, localStep, printedOf, scriptOf } from "../support/mocks.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { Random } from "./draw.ts";
import { addUserLines, countUserLines, removeUserLines } from "./host.ts";
import { faultNamed } from "./list.ts";
import type { Place } from "./run.ts";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder("duet-fault-");
});

function bash(script: Shell): string {
  return execFileSync("bash", ["-c", `set -euo pipefail\n${script.shell}`], { encoding: "utf8" }).trim();
}

/** A place whose stack is but its files, all of them in the folder. */
function placeOfFiles(): Place {
  const at = (name: string) => join(folder, name);
  const paths = {
    name: "faults",
    leases: at("leases"),
    build: at("shared/build/duet-kernel"),
    folder: at("state"),
  };
  const stack = { ...paths, cache: at("cache/duet"), host: async (script: Shell) => bash(script) };
  return {
    stack: stack as unknown as TestStack,
    guest: "one",
    random: new Random(1),
    before: {} as Snapshot,
    say: () => {},
  };
}

function touch(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const host = () =>
  localHost({
    stack: "faults",
    leases: join(folder, "leases"),
    stateFolder: join(folder, "state"),
  });
const steps = () => join(folder, "state/steps");

/** Puts a step of a component where the machine keeps it, and runs it or, with "record", records what it finds. */
async function made(step: string, verb: "create" | "record", component: (host: Host) => unknown): Promise<string> {
  const printed = {
    ...printedOf("one"),
    "module-source": "commit: c\nhash: h",
    "module-build": "build-id: m",
    "module-one": "build-id: m",
    "one-debug": "function: f",
    "kernel-source": "commit: c\nhash: h",
    "kernel-config": "config: c",
    kernel: "release: r\nbuild-id: b\npackage: p",
  };
  const deployed = await deploy(() => component(host()), printed);
  const file = join(steps(), `${step}.sh`);
  touch(file, scriptOf(localStep(deployed, step)).file);
  return execFileSync("setsid", ["--wait", "bash", file, verb], { encoding: "utf8" }).trim();
}

async function driftOf(step: string): Promise<string> {
  const { drift } = await readMachine({ command: ["bash", "-c"], records: steps(), timeout: 1 });
  return drift[step]?.differences.join("; ") ?? "";
}

const session = () => {
  touch(join(folder, "state/one.gdb"), "target remote 127.0.0.1:1240\n");
  const directory = join(folder, "shared");
  return made("one-debug", "record", () => {
    const guest = localGuest("one", { stateFolder: join(folder, "state") });
    const source = (role: string) =>
      new SourceTree(`${role}-source`, {
        host: guest.host,
        role: `duet-${role}`,
        source: { tree: join(directory, role) },
        directory,
      });
    const asked = { base: "tiny", localmodconfig: false, fragments: [] };
    const trees = { kernel: source("kernel"), module: source("module") };
    const config = new KernelConfig("kernel-config", { host: guest.host, source: trees.kernel, directory, ...asked });
    const kernel = new KernelBuild("kernel", { host: guest.host, source: trees.kernel, config });
    const module = new DuetModule("module", { host: guest.host, source: trees.module, kernel });
    return new DebugSession("one-debug", { guest, directory, kernel, module, loaded: module.loadIn(guest, {}) });
  });
};
const gdbPort = () => made("one-gdb-port", "create", (host) => new GdbPort("one-gdb-port", { host, guest: "one" }));
const nfs = () => {
  touch(join(folder, "state/nfs/ganesha.conf"), "EXPORT { Squash = Root_Squash; }\n");
  const args = { directory: shared, server: "ganesha", address: "192.168.150.1", clients: ["192.168.150.10"] } as const;
  return made("nfs-export", "record", (host) => new NfsExport("nfs-export", { host, ...args }));
};
const kernel = () => {
  const directory = join(folder, "shared");
  for (const name of ["vmlinux", "vmlinux-gdb.py", "Module.symvers", "linux-image-6.1+duet.deb"]) {
    touch(join(directory, "build/duet-kernel", name), name);
  }
  return made("kernel", "record", (host) => {
    const tree = { tree: join(directory, "duet-kernel") };
    const source = new SourceTree("kernel-source", { host, role: "duet-kernel", source: tree, directory });
    const asked = { base: "tiny", localmodconfig: false, fragments: [] };
    const config = new KernelConfig("kernel-config", { host, source, directory, ...asked });
    return new KernelBuild("kernel", { host, source, config });
  });
};
const image = () => {
  const path = guestImagePath(join(folder, "cache"));
  touch(path, "image");
  return made(
    "image-file",
    "record",
    (host) => new Image("image", { host, source: { path, build: [] }, smallestDisk: 8 }),
  );
};

describe("the words that a preview has for a fault are those of the facts", () => {
  it.each([
    ["gdb's commands deleted", "one-debug", session],
    ["gdb port's lease deleted", "one-gdb-port", gdbPort],
    ["gdb port taken over by another stack", "one-gdb-port", gdbPort],
    ["NFS export edited", "nfs-export", nfs],
    ["gdb scripts of the kernel deleted", "kernel", kernel],
    ["build folder deleted", "kernel", kernel],
    ["image deleted from the cache", "image-file", image],
  ])("%s", async (name, step, make) => {
    const fault = faultNamed(name);
    await make();
    expect(await driftOf(step)).toBe("");
    await fault.apply(placeOfFiles());
    expect(await driftOf(step)).toMatch(fault.words?.("one").drifts[step] ?? /none/);
    await fault.restore?.(placeOfFiles());
  });

  it("records of steps deleted", async () => {
    await session();
    const place = placeOfFiles();
    const alone = { ...place.stack, guest: async () => "" } as unknown as TestStack;
    const fault = faultNamed("records of steps deleted");
    await fault.apply({ ...place, stack: alone });
    expect(await driftOf("one-debug")).toMatch(fault.words?.("one").drifts["one-debug"] ?? /none/);
  });

  it("is the lease of another stack that stays if one is taken over, until the fault gives it back", async () => {
    const fault = faultNamed("gdb port taken over by another stack");
    const first = await gdbPort();
    await fault.apply(placeOfFiles());
    const second = await gdbPort();
    expect(Number(second)).toBeGreaterThan(Number(first));
    await fault.restore?.(placeOfFiles());
    expect(existsSync(join(folder, "leases/gdb-ports", first))).toBe(false);
    expect(readFileSync(join(folder, "leases/gdb-ports", second), "utf8")).toBe("faults/one\n");
  });
});

describe("lines of a user's", () => {
  it.each(["/dev/sda1 / ext4 defaults 0 1\n", "no newline at the end"])("come, are counted and go: %j", (text) => {
    const file = join(folder, "fstab");
    touch(file, text);
    bash(addUserLines(sh`${file}`));
    expect(bash(countUserLines(sh`${file}`))).toBe("2");
    bash(removeUserLines(sh`${file}`));
    expect(readFileSync(file, "utf8").trimEnd()).toBe(text.trimEnd());
  });
});
