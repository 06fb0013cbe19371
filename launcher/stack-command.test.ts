/** What the real pulumi writes if the launcher runs it for a stack on a backend of the user's own. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { pulumiVersion, sourceKey } from "../toolchain/recipe.ts";
import { toolchain } from "../toolchain/test/installed.ts";
import { project } from "./project.ts";

vi.setConfig({ testTimeout: 60_000 });

it("leaves the spec as it is, from stack init to stack rm, and has the salt beside the state", () => {
  const home = temporaryFolder("duet-checkout-");
  const record = join(home, `cache/duet/toolchain/release-${pulumiVersion}-${sourceKey(join(project, "toolchain"))}`);
  mkdirSync(record, { recursive: true });
  // With a home of its own, in which pulumi notes the stack that is chosen.
  const own = { ...toolchain, home: join(home, "pulumi"), source: "release" };
  writeFileSync(join(record, "toolchain.json"), JSON.stringify(own));
  mkdirSync(join(home, "backend"));
  const pulumi = (line: string, environment: NodeJS.ProcessEnv = {}) => {
    const words = [join(project, "launcher/launch.ts"), ...line.split(" "), "--non-interactive", "--color", "never"];
    const { status, stdout, stderr } = spawnSync(process.execPath, words, {
      cwd: project,
      encoding: "utf8",
      env: {
        PATH: process.env.PATH,
        HOME: home,
        XDG_CACHE_HOME: join(home, "cache"),
        XDG_STATE_HOME: join(home, "state"),
        DUET_SHARED: join(home, "shared"),
        PULUMI_BACKEND_URL: `file://${home}/backend`,
        PULUMI_CONFIG_PASSPHRASE: "open sesame",
        ...environment,
      },
    });
    expect(status, `${line}: ${stdout}${stderr}`).toBe(0);
    return stdout;
  };
  const spec = join(project, "stacks/Pulumi.workstation.yaml");
  const copy = join(home, "state/duet/stacks/workstation/Pulumi.workstation.yaml");
  const before = readFileSync(spec, "utf8");
  const salt = () => /^encryptionsalt: \S+$/m.exec(readFileSync(copy, "utf8"))?.[0];

  pulumi("stack init workstation");
  const first = salt();
  expect(first).toBeDefined();
  // It is the chosen one in this project.
  expect(pulumi("stack --show-name").trim()).toBe("workstation");
  pulumi("stack change-secrets-provider passphrase", { PULUMI_CONFIG_PASSPHRASE: "open sesame" });
  expect(salt()).toBeDefined();
  expect(JSON.parse(pulumi("stack export")).deployment.secrets_providers.state.salt).toBe(salt()?.split(": ")[1]);
  pulumi("stack rm --yes workstation");
  expect([readFileSync(spec, "utf8"), existsSync(copy)]).toEqual([before, false]);
});
