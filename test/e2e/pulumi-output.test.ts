import { describe, expect, it } from "vitest";
import { changes, drifts, isUnchanged, problem } from "./pulumi-output.ts";

/** An `up` after a module was unloaded and a domain was gone, shortened. */
const repair = `sandbox: libvirtd: done in 0.1 s
Updating (faults):

 ~  pulumi:pulumi:Stack duet-faults refreshing (0s)${" "}
 ~  duet:machine:Facts host refreshing (2s) one-boot (boot one) has drifted: domain: expected running, found undefined; answers ssh: expected yes, found no
 ~  duet:machine:Facts host refresh (2s) one-boot (boot one) has drifted: domain: expected running, found undefined; answers ssh: expected yes, found no
 ~  libvirt:index:Domain one refresh (0.07s)${" "}
@ updating....
    duet:index:DuetEnvironment duet${"  "}
 ~  duet:machine:Facts host updating (0s) one-boot (boot one) has drifted: domain: expected running, found undefined; answers ssh: expected yes, found no
 ~  duet:machine:Facts host updated (1s) one-boot (boot one) has drifted: domain: expected running, found undefined; answers ssh: expected yes, found no
 +  libvirt:index:Domain one creating (0s)${" "}
 +  libvirt:index:Domain one created (0.50s)${" "}
 ~  command:local:Command one-boot updating (3s) [diff: ~stdin]; Domain 'one' started
 ~  command:local:Command one-boot updated (31s) [diff: ~stdin];${" "}
 ~  duet:machine:Facts one-facts updated (1s) module-one (load module duet) has drifted: module: expected loaded, found not loaded
 +- libvirt:index:Volume one-disk replaced (1s)${" "}
 ~  command:remote:Command module-one **updating failed** [diff: ~stdin]; error: exit status 1
    pulumi:pulumi:Stack duet-faults${"  "}
Diagnostics:
  duet:machine:Facts (host):
    one-boot (boot one) has drifted: domain: expected running, found undefined; answers ssh: expected yes, found no
  command:remote:Command (module-one):
    make: Entering directory
    error: exit status 1: running "# load module duet
    read -r size":
    module duet is to be unloaded, and is held by cat (pid 12): end that and run this again
  pulumi:pulumi:Stack (duet-faults):
    error: update failed

Outputs:
    vms: []

Resources:
    + 1 created
    ~ 3 updated
    +-1 replaced
    5 changes. 49 unchanged

Duration: 40s
`;

const preview = `Previewing update (faults):

@ previewing update....
 ~  duet:machine:Facts one-facts refresh (2s) module-one (load module duet) has drifted: module: expected loaded, found not loaded
 ~  duet:machine:Facts one-facts update [diff: ~generations]; module-one (load module duet) has drifted: module: expected loaded, found not loaded
 ~  command:remote:Command module-one update [diff: ~stdin]
 +- libvirt:index:Domain one replace [diff: ~memory]
Resources:
    ~ 2 to update
    +-1 to replace
    3 changes. 51 unchanged
`;

const noOp = `Updating (faults):
 ~  command:local:Command kernel refreshing (0s)${" "}
 ~  command:local:Command kernel refresh (0.01s)${" "}
    command:local:Command kernel${"  "}
Resources:
    54 unchanged

Duration: 8s
`;

describe("what pulumi printed", () => {
  it("names each drifted step once, with all of its differences", () => {
    expect(drifts(repair)).toEqual([
      {
        step: "one-boot",
        words: "domain: expected running, found undefined; answers ssh: expected yes, found no",
      },
      { step: "module-one", words: "module: expected loaded, found not loaded" },
    ]);
    expect(drifts(preview)).toEqual([{ step: "module-one", words: "module: expected loaded, found not loaded" }]);
    expect(drifts(noOp)).toEqual([]);
  });

  it("lists what was done, and neither what was read nor what failed", () => {
    expect(changes(repair).map(({ name, operation }) => `${name} ${operation}`)).toEqual([
      "host updated",
      "one created",
      "one-boot updated",
      "one-facts updated",
      "one-disk replaced",
    ]);
    expect(changes(noOp)).toEqual([]);
  });

  it("lists what a preview would do", () => {
    expect(changes(preview)).toEqual([
      { type: "duet:machine:Facts", name: "one-facts", operation: "update" },
      { type: "command:remote:Command", name: "module-one", operation: "update" },
      { type: "libvirt:index:Domain", name: "one", operation: "replace" },
    ]);
  });

  it("tells an up that changed nothing from every other", () => {
    expect(isUnchanged(noOp)).toBe(true);
    expect(isUnchanged(repair)).toBe(false);
    expect(isUnchanged(preview)).toBe(false);
    expect(isUnchanged(noOp.replace("    54 unchanged", "    53 unchanged\n    1 errored"))).toBe(false);
    expect(isUnchanged("error: the stack is currently locked by 1 lock(s)\n")).toBe(false);
  });

  it("says why it failed, without what was streamed and what has drifted", () => {
    const line = problem(repair);
    expect(line).toContain("module duet is to be unloaded, and is held by cat (pid 12)");
    expect(line).not.toContain("Entering directory");
    expect(line).not.toContain("has drifted");
    expect(problem("duet: x\nerror: the stack is currently locked\n")).toBe("error: the stack is currently locked");
  });
});
