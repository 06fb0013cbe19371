import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { project, projectOf, selectedStack } from "./project.ts";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder("duet-project-");
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
