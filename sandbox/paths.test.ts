import { describe, expect, it } from "vitest";
import { sandboxPathsFrom } from "./paths.ts";

describe("the sandbox's paths", () => {
  it("are those of the namespace duet for the default state directory, and others for any other", () => {
    expect(sandboxPathsFrom({ HOME: "/root" }).namespace).toBe("duet");
    expect(sandboxPathsFrom({ HOME: "/root", XDG_STATE_HOME: "/root/.local/state" }).namespace).toBe("duet");
    const other = sandboxPathsFrom({ HOME: "/root", XDG_STATE_HOME: "/tmp/x" });
    expect(other.namespace).toMatch(/^duet-[0-9a-f]{6}$/);
    expect(other.uri).toBe(`qemu+unix:///system?socket=/run/${other.namespace}/run/libvirt/libvirt-sock`);
    expect(other.namespace).not.toBe(sandboxPathsFrom({ HOME: "/root", XDG_STATE_HOME: "/tmp/y" }).namespace);
  });

  it("have sockets that are short enough, however long the state directory is", () => {
    expect(
      sandboxPathsFrom({ HOME: "/root", XDG_STATE_HOME: `/tmp/${"long/".repeat(100)}` }).socket.length,
    ).toBeLessThan(107);
  });
});
