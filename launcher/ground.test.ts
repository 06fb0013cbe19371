import { describe, expect, it } from "vitest";
import { groundOf } from "./ground.ts";

describe("where a stack is to be", () => {
  it("is the embedded host if its spec says so, and the system's libvirt otherwise", () => {
    expect(groundOf("config: { duet:host: { sandbox: true } }", "a.yaml").sandbox).toBe(true);
    expect(groundOf("config: { duet:host: { uri: 'qemu:///session' } }", "a.yaml")).toEqual({
      sandbox: false,
      uri: "qemu:///session",
      guests: [],
      sources: "/media/data/duet",
    });
    expect(groundOf("config: { duet:sources: { directory: /srv/duet } }", "a.yaml").sources).toBe("/srv/duet");
  });

  it("is not guessed if a key has no namespace: each is named", () => {
    expect(() => groundOf("config: { host: { sandbox: true }, duet:vms: [], vms: [] }", "a.yaml")).toThrow(
      /a\.yaml: host has .*write duet:host\n.*vms has .*write duet:vms$/,
    );
  });

  it.each([
    "",
    "config:",
    "config: text",
    "[1, 2]",
    "config: { duet:host: 7 }",
    "config: { duet:host: { sandbox: 1 } }",
    'config: { duet:host: { uri: "qemu:///\\0" } }',
    "config: { duet:sources: { directory: relative } }",
    "config: { duet:vms: [null] }",
    "config: { duet:vms: [{ memory: 768 }, { name: null }, { name: [one] }, one, 7] }",
    "config: { duet:vms: { name: one } }",
  ])("is left to the program to complain about in %j", (text) =>
    expect(groundOf(text, "a.yaml")).toEqual({
      sandbox: false,
      uri: "qemu:///system",
      sources: "/media/data/duet",
      guests: [],
    }),
  );

  it.each(["config: [", "a: b: c", "\tconfig: x", "config: {\n  'duet:host: 1"])("is one line for %j", (text) => {
    expect(() => groundOf(text, "a.yaml")).toThrow(/^cannot read a\.yaml: it is not YAML: [^\n]+$/);
  });
});
