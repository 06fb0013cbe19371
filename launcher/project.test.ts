import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { groundOf, project, projectOf, selectedStack } from "./project.ts";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder("duet-project-");
});

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

it("finds the project of a directory as pulumi does", () => {
  const below = join(folder, "a/b");
  mkdirSync(below, { recursive: true });
  expect(projectOf(below)).toBeUndefined();
  writeFileSync(join(folder, "a/Pulumi.yaml"), "");
  expect(projectOf(below)).toBe(join(folder, "a"));
  expect(projectOf(join(project, "components/host"))).toBe(project);
});

it("knows the stack that was selected in this project, and in no other", () => {
  const workspace = (path: string) => `duet-${createHash("sha1").update(path).digest("hex")}-workspace.json`;
  mkdirSync(join(folder, "workspaces"));
  writeFileSync(join(folder, "workspaces", workspace("/elsewhere/Pulumi.yaml")), '{"stack":"other"}');
  expect(selectedStack(folder)).toBeUndefined();
  const own = join(folder, "workspaces", workspace(join(project, "Pulumi.yaml")));
  writeFileSync(own, '{"stack":"acme/duet/dev"}');
  expect(selectedStack(folder)).toBe("acme/duet/dev");
  writeFileSync(own, "{");
  expect(selectedStack(folder)).toBeUndefined();
});
