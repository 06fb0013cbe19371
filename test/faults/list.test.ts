import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import type { Snapshot } from "../e2e/snapshot.ts";
import { TestStack } from "../e2e/stack.ts";
import { Random } from "./draw.ts";
import { faultNamed, faults, fixedFaults } from "./list.ts";
import type { Place } from "./run.ts";

describe("the faults", () => {
  it("have names of their own", () => {
    expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length);
  });

  it("are enough for a long run", () => {
    expect(faults.length).toBeGreaterThanOrEqual(30);
  });

  it("are few and cheap where every run of the tests goes through them", () => {
    expect(fixedFaults.length).toBeLessThanOrEqual(8);
    expect(fixedFaults.filter(({ cheap }) => !cheap)).toEqual([]);
  });

  it("are found by name, and else the names are told", () => {
    expect(faultNamed("mount gone").name).toBe("mount gone");
    expect(() => faultNamed("mount")).toThrow("there are: guest stopped; ");
  });

  it("give a guest bash that parses", async () => {
    const scripts: string[] = [];
    const guest = async (_name: string, { shell }: { readonly shell: string }) => {
      scripts.push(shell);
      return "";
    };
    const nothing = async () => "";
    const stack = { guest, guestAnew: nothing, awaitGuest: nothing, virsh: nothing, host: nothing, inside: nothing };
    const place: Place = {
      stack: {
        ...stack,
        build: "/srv/build",
        cache: "/srv/cache/duet",
        folder: "/srv/state",
        paths: { uri: "test:///default" },
      } as unknown as TestStack,
      guest: "one",
      random: new Random(1),
      before: {} as Snapshot,
      say: () => {},
    };
    for (const fault of faults) {
      // One that needs more of a stack than its guest, such as its processes, ends there.
      await fault.apply(place).catch(() => {});
    }
    expect(scripts.length).toBeGreaterThan(15);
    for (const script of scripts) {
      execFileSync("bash", ["-n"], { input: script });
    }
  });
});

describe("a stack under test", () => {
  const vms = [{ name: "one", memory: 768 }];

  it("is never one of the developer's own embedded host", () => {
    for (const environment of [{ HOME: "/root" }, { HOME: "/root", XDG_STATE_HOME: "/root/.local/state" }]) {
      expect(() => new TestStack({ name: "faults", vms, environment })).toThrow("set XDG_STATE_HOME");
    }
    const stack = new TestStack({ name: "faults", vms, environment: { HOME: "/root", XDG_STATE_HOME: "/tmp/x" } });
    expect(stack.folder).toBe("/tmp/x/duet/stacks/faults");
    expect(stack.leases).toBe("/tmp/x/duet/leases");
  });

  it("tells the last word of a command that failed, and ends one that hangs with all that it started", async () => {
    const stack = new TestStack({ name: "faults", vms, environment: { ...process.env, XDG_STATE_HOME: "/tmp/x" } });
    expect(await stack.host({ shell: "echo a; echo b >&2" })).toBe("a");
    await expect(stack.host({ shell: "echo first >&2; echo last >&2; false" })).rejects.toThrow(/^on the host: last: /);
    await expect(stack.host({ shell: "sleep 60 | sleep 60" }, 1)).rejects.toThrow("did not end within 1 s");
  });
});
