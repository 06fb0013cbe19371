import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { accelerator } from "../accelerator.ts";
import { enterSandbox, libvirtdConfiguration } from "../configuration.ts";
import { guestImagePath } from "../image/build.ts";
import { debianRecipe } from "../image/recipe.ts";
import { finishTree, makeDisk, makeTree } from "../image/scripts.ts";
import { sandboxPaths, sandboxPathsFrom } from "../paths.ts";

describe("the sandbox's paths", () => {
  it("are those of the namespace duet for the default state directory, and others for any other", () => {
    expect(sandboxPathsFrom({ HOME: "/root" }).namespace).toBe("duet");
    expect(sandboxPathsFrom({ HOME: "/root", XDG_STATE_HOME: "/root/.local/state" }).namespace).toBe("duet");
    const other = sandboxPaths("/tmp/x", "/root");
    expect(other.namespace).toMatch(/^duet-[0-9a-f]{6}$/);
    expect(other.uri).toBe(`qemu+unix:///system?socket=/run/${other.namespace}/run/libvirt/libvirt-sock`);
    expect(other.namespace).not.toBe(sandboxPaths("/tmp/y", "/root").namespace);
  });

  it("have sockets that are short enough, however long the state directory is", () => {
    expect(sandboxPaths(`/tmp/${"long/".repeat(100)}`, "/root").socket.length).toBeLessThan(107);
  });
});

describe("the accelerator", () => {
  const intel = "processor : 0\nflags\t\t: fpu vme vmx est\n";
  const amd = "flags\t\t: fpu svm\n";
  const none = "model name: vmx in words\nflags\t\t: fpu vme hypervisor\n";
  it.each([
    [intel, true, "kvm"],
    [amd, true, "kvm"],
    [intel, false, "tcg"],
    [none, true, "tcg"],
    ["", true, "tcg"],
  ] as const)("needs both the CPU's flag and the device", (cpuinfo, usable, expected) => {
    expect(accelerator(cpuinfo, usable)).toBe(expected);
  });
});

describe("the scripts", () => {
  const odd = sandboxPaths('/tmp/it\'s a $(touch /tmp/duet-odd) `x` "y"', "/root");
  const scripts = {
    enter: enterSandbox(odd, "tcg", ["libvirtd", "--daemon"]),
    enterKvm: enterSandbox(odd, "kvm", ["libvirtd", "--daemon"]),
    tree: makeTree(debianRecipe, "http://mirror/debian"),
    finish: finishTree(debianRecipe),
    disk: makeDisk(debianRecipe),
  };

  it.each(Object.entries(scripts))("%s is bash that parses", (_, script) => {
    execFileSync("bash", ["-n"], { input: script.shell });
  });

  it("have /dev/kvm in the private /dev only where guests are to use it", () => {
    expect(scripts.enter.shell).not.toContain("kvm");
    expect(scripts.enterKvm.shell).toContain("chown root:kvm");
  });

  it("never change the owner of the machine's own /dev/kvm", () => {
    expect(scripts.enterKvm.shell).not.toMatch(/(chown|chmod|mknod)[^\n]* \/dev\/kvm$/m);
  });

  it("quote the state's path", () => {
    expect(scripts.enter.shell).toContain(`'/tmp/it'\\''s a $(touch /tmp/duet-odd) \`x\` "y"/duet/sandbox/etc'`);
  });
});

describe("the configuration", () => {
  it("gives libvirtd the same host UUID each time", () => {
    const paths = sandboxPaths("/tmp/x", "/root");
    expect(libvirtdConfiguration(paths)).toBe(libvirtdConfiguration(paths));
    expect(libvirtdConfiguration(paths)).toMatch(
      /host_uuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}"/,
    );
  });
});

describe("the guest image", () => {
  it("has a place in the cache that follows from its recipe", () => {
    expect(guestImagePath("/c")).toMatch(/^\/c\/duet\/image\/[0-9a-f]{16}\/debian-12\.qcow2$/);
    expect(guestImagePath("/c")).toBe(guestImagePath("/c"));
    expect(guestImagePath("/c", { ...debianRecipe, size: 1 })).not.toBe(guestImagePath("/c"));
  });
});
