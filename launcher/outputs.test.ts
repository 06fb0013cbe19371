/** What the real pulumi prints in the environment that the launcher gives it, away from a terminal. */
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { toolchain } from "../toolchain/test/installed.ts";
import { pulumiEnvironment } from "./backend.ts";

vi.setConfig({ testTimeout: 60_000 });

it("is the whole of a command that somebody is to type, also of one that goes, and no dots", () => {
  const project = temporaryFolder("duet-outputs-");
  const pulumi = (...words: string[]) => {
    const run = spawnSync(toolchain.pulumi, [...words, "--non-interactive", "--color", "never", "--stack", "dev"], {
      cwd: project,
      encoding: "utf8",
      env: {
        ...pulumiEnvironment({ ...toolchain, home: join(project, "home") }),
        PULUMI_BACKEND_URL: `file://${project}`,
        PULUMI_CONFIG_PASSPHRASE: "outputs",
      },
    });
    expect(run.status, run.stdout + run.stderr).toBe(0);
    return run.stdout;
  };
  const command = (guest: string) => `ssh -F /home/${"a-long-name/".repeat(30)}${guest}/ssh_config`;
  const program = (...guests: string[]) =>
    writeFileSync(join(project, "index.js"), `exports.vms = ${JSON.stringify(guests.map(command))};\n`);

  writeFileSync(
    join(project, "Pulumi.yaml"),
    "name: outputs\nruntime: { name: nodejs, options: { typescript: false } }\n",
  );
  writeFileSync(join(project, "package.json"), '{ "name": "outputs", "main": "index.js" }\n');
  mkdirSync(join(project, "node_modules/@pulumi"), { recursive: true });
  symlinkSync(
    join(import.meta.dirname, "../node_modules/@pulumi/pulumi"),
    join(project, "node_modules/@pulumi/pulumi"),
  );
  pulumi("stack", "init");
  program("one", "two");
  const up = pulumi("up", "--yes", "--skip-preview");
  expect(up).toContain(command("two"));
  expect(up).not.toMatch(/^@ updating/m);
  program("one");
  expect(pulumi("preview")).toContain(`- [1]: "${command("two")}"`);
});
