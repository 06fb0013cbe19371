/** The faults of the host's files, applied to what the product's own scripts have made, and read with its own facts. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { imageFacts } from "../components/guest/image.ts";
import { allowAutoLoad, autoLoadFacts, revokeAutoLoad } from "../components/host/gdb-access.ts";
import { claimScript, type LeaseArgs, leaseFacts } from "../components/host/lease.ts";
import { ganeshaConfiguration, ganeshaFacts } from "../components/host/nfs-ganesha.ts";
import { buildFacts } from "../components/kernel/kernel-build.ts";
import { lines, type Shell, sh } from "../components/machine/shell.ts";
import { createScript, recordFile } from "../components/machine/step.ts";
import { readDrift } from "../provider/drift.ts";
import { guestImagePath } from "../sandbox/image/build.ts";
import { Random } from "./fault-draw.ts";
import { addUserLines, countUserLines, initFile, removeUserLines } from "./fault-host.ts";
import { faultNamed } from "./fault-list.ts";
import type { Place } from "./fault-run.ts";
import type { Snapshot } from "./snapshot.ts";
import { shared, type TestStack } from "./stack.ts";
import { temporaryFolder } from "./temporary-folder.ts";

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
  const paths = { name: "faults", home: at("home"), leases: at("leases"), build: at("build"), folder: at("state") };
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

const autoLoad = () => ({ home: join(folder, "home"), stack: "faults", directory: shared });
const lease = (owner = "faults/one"): LeaseArgs => ({
  folder: join(folder, "leases/gdb-ports"),
  owner,
  candidates: [1234, 1235],
  what: "gdb port",
  taken: sh`taken() { :; }`,
});
const share = { directory: shared, address: "192.168.150.1", clients: ["192.168.150.10"] };

/** What a step makes, and its facts. */
interface Made {
  readonly create: () => Shell;
  readonly facts: () => Shell;
}

const gdbAccess: Made = {
  create: () => lines(sh`mkdir -p ${autoLoad().home}`, allowAutoLoad(autoLoad())),
  facts: () => autoLoadFacts(autoLoad()),
};
const gdbPort: Made = { create: () => claimScript(lease()), facts: () => leaseFacts(lease()) };
const nfs: Made = {
  create: () => {
    touch(join(folder, "state/nfs/ganesha.conf"), ganeshaConfiguration(share, join(folder, "state/nfs")));
    return sh`:`;
  },
  facts: () => ganeshaFacts(join(folder, "state/nfs")),
};
const kernel: Made = {
  create: () => {
    for (const name of ["vmlinux", "vmlinux-gdb.py", "Module.symvers", "linux-image-6.1+duet.deb"]) {
      touch(join(folder, "build", name), name);
    }
    return sh`:`;
  },
  facts: () => buildFacts(join(folder, "build")),
};
const image: Made = {
  create: () => {
    touch(guestImagePath(join(folder, "cache")), "image");
    return sh`:`;
  },
  facts: () => imageFacts({ path: guestImagePath(join(folder, "cache")), build: [] }),
};

describe("the words that a preview has for a fault are those of the facts", () => {
  it.each([
    ["auto-load line removed", "gdb-access", gdbAccess],
    ["gdb port's lease deleted", "one-gdb-port", gdbPort],
    ["gdb port taken over by another stack", "one-gdb-port", gdbPort],
    ["NFS export edited", "nfs-export", nfs],
    ["gdb scripts of the kernel deleted", "kernel", kernel],
    ["build folder deleted", "kernel", kernel],
    ["image deleted from the cache", "image-file", image],
  ])("%s", async (name, step, made) => {
    const fault = faultNamed(name);
    const records = join(folder, "steps");
    const facts = made.facts();
    bash(createScript(recordFile(records, step), 1, { create: made.create(), facts }));
    const reader = { command: ["bash", "-c"], records, timeout: 1 };
    const read = () => readDrift(reader, { [step]: { title: "a step", facts: facts.shell } });
    expect(await read()).toEqual({});
    await fault.apply(placeOfFiles());
    expect((await read())[step]?.join("; ")).toMatch(fault.words?.("one").drifts[step] ?? /none/);
    await fault.restore?.(placeOfFiles());
  });

  it("records of steps deleted", async () => {
    const records = join(folder, "state/steps");
    bash(createScript(recordFile(records, "gdb-access"), 1, { create: sh`:`, facts: sh`echo 'a: 1'` }));
    const place = placeOfFiles();
    const alone = { ...place.stack, guest: async () => "" } as unknown as TestStack;
    const fault = faultNamed("records of steps deleted");
    await fault.apply({ ...place, stack: alone });
    const reader = { command: ["bash", "-c"], records, timeout: 1 };
    const drift = await readDrift(reader, { "gdb-access": { title: "a step", facts: "echo 'a: 1'" } });
    expect(drift["gdb-access"]?.join("; ")).toMatch(fault.words?.("one").drifts["gdb-access"] ?? /none/);
  });

  it("is the lease of another stack that stays where one is taken over, until the fault gives it back", async () => {
    const fault = faultNamed("gdb port taken over by another stack");
    bash(claimScript(lease()));
    await fault.apply(placeOfFiles());
    expect(bash(claimScript(lease()))).toBe("1235");
    await fault.restore?.(placeOfFiles());
    expect(existsSync(join(folder, "leases/gdb-ports/1234"))).toBe(false);
    expect(readFileSync(join(folder, "leases/gdb-ports/1235"), "utf8")).toBe("faults/one\n");
  });
});

describe("lines of a user's", () => {
  it.each(["", "set history save on\n", "no newline at the end"])("come, are counted and go: %j", (text) => {
    const home = join(folder, "home");
    const file = join(home, ".gdbinit");
    touch(file, text);
    chmodSync(file, 0o600);
    bash(allowAutoLoad(autoLoad()));
    bash(addUserLines(initFile({ home })));
    bash(allowAutoLoad(autoLoad()));
    expect(bash(countUserLines(initFile({ home })))).toBe("2");
    bash(revokeAutoLoad(autoLoad()));
    expect(bash(countUserLines(initFile({ home })))).toBe("2");
    bash(removeUserLines(initFile({ home })));
    expect(readFileSync(file, "utf8").trimEnd()).toBe(text.trimEnd());
  });

  it("are those of the file that gdb reads", () => {
    const home = join(folder, "home");
    touch(join(home, ".gdbinit"), "");
    expect(bash(sh`echo ${initFile({ home })}`)).toBe(join(home, ".gdbinit"));
    touch(join(home, ".config/gdb/gdbinit"), "");
    expect(bash(sh`echo ${initFile({ home })}`)).toBe(join(home, ".config/gdb/gdbinit"));
  });
});
