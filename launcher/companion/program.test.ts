/** The program in the companion, as the real pulumi attaches to it. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { expect, it, vi } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { toolchain } from "../../toolchain/test/installed.ts";
import { pulumiEnvironment } from "../backend.ts";
import { project } from "../project.ts";
import { startCompanion } from "./companion.ts";

vi.setConfig({ testTimeout: 60_000 });

it("fails a run whose spec has problems, with their lines, and lives on for the next run", async () => {
  const folder = temporaryFolder("duet-program-");
  const environment = {
    ...pulumiEnvironment({ ...toolchain, home: join(folder, "home") }),
    PULUMI_BACKEND_URL: `file://${folder}`,
    PULUMI_CONFIG_PASSPHRASE: "program",
  };
  const spec = join(folder, "Pulumi.dev.yaml");
  const sources = { kernel: { package: "linux-source-6.1" }, module: { copy: "a" }, tools: { copy: "b" } };
  const config = { "duet:sources": sources, "duet:vms": [{ name: "one", memory: 10 }] };
  writeFileSync(spec, JSON.stringify({ config }));
  const words = ["--non-interactive", "--color", "never", "--stack", "dev"];
  // As the launcher makes a stack: pulumi would write the salt of its secrets into the project's own file.
  writeFileSync(join(folder, "Pulumi.yaml"), "name: duet\nruntime: nodejs\n");
  const made = spawnSync(toolchain.pulumi, ["stack", "init", "dev", "--no-select"], {
    cwd: folder,
    env: environment,
    encoding: "utf8",
  });
  expect(made.status, made.stderr).toBe(0);
  const companion = startCompanion([], environment);
  try {
    companion.ask({ resources: [] });
    const attachment = await companion.attachment();
    for (const command of [["preview"], ["up", "--yes", "--skip-preview"]]) {
      const line = [...command, ...words, "--config-file", spec, ...attachment.options];
      const env = { ...environment, ...attachment.environment };
      const { exitCode, all } = await execa(toolchain.pulumi, line, { cwd: project, env, all: true, reject: false });
      expect(all).toMatch(/duet:vms\[0\]\.memory: asked for 10 MiB/);
      expect(all).not.toMatch(/Node\.js v|\bEOF\b/);
      expect(exitCode).not.toBe(0);
    }
  } finally {
    await companion.end();
  }
});
