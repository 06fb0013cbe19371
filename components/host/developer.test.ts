import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { runScript } from "../../test/run-script.ts";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";
import { asDeveloper, endWithParent } from "./developer.ts";

const isRoot = process.getuid?.() === 0;
/** An id that no account has, which is no obstacle. */
const developer = { uid: 54321, gid: 54322 };

/** Starts a script as a step does, and gives the shell that Pulumi would kill, once it has printed something. */
async function started(script: Shell): Promise<ChildProcess> {
  const child = spawn("bash", ["-c", `set -euo pipefail\n(\n${script.shell}\n)\necho after`], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  return child;
}

/** Kills a shell, and waits until nobody is left who could write to its output: it, and all that it started. */
async function killed(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const closed = new Promise((resolve) => child.once("close", resolve));
  child.kill(signal);
  await closed;
}

describe.runIf(isRoot)("a command of the developer's", () => {
  it("runs with the developer's ids, and with none of root's groups", async () => {
    const ran = await runScript(asDeveloper(developer, "id", "-G"));
    expect(ran).toMatchObject({ code: 0, stdout: "54322\n" });
    expect((await runScript(asDeveloper(developer, "id", "-u"))).stdout).toBe("54321\n");
  });

  it("has the developer's home, and none of root's settings", async () => {
    const getent = `[ "$*" = 'passwd 54321' ] && echo 'dev:x:54321:54322::/home/it is:/bin/sh'`;
    const script = lines(
      sh`export XDG_CONFIG_HOME=/root/c XDG_CACHE_HOME=/root/d XDG_RUNTIME_DIR=/run/user/0`,
      asDeveloper(developer, "env"),
    );
    const seen = (await runScript(script, { getent })).stdout.split("\n");
    expect(seen).toContain("HOME=/home/it is");
    expect(seen.filter((line) => line.startsWith("XDG_"))).toEqual([]);
  });

  it("gets its words as they are, and settings before them", async () => {
    const words = ["a b", "$(x)", "'", "", "*"];
    const script = asDeveloper(
      developer,
      sh`SETTING=${"it's"}`,
      "bash",
      "-c",
      `printf '%s|' "$SETTING" "$@"`,
      "-",
      ...words,
    );
    expect((await runScript(script)).stdout).toBe(`it's|${words.join("|")}|`);
  });

  it.each(["SIGKILL", "SIGTERM"] as const)("ends when the step's shell gets a %s", async (signal) => {
    const script = endWithParent(asDeveloper(developer, "bash", "-c", "echo started; exec sleep 300"));
    await killed(await started(script), signal);
  });
});

describe("a script that ends with its parent", () => {
  it.each(["SIGKILL", "SIGTERM"] as const)("ends with all that it started when that gets a %s", async (signal) => {
    const script = endWithParent(sh`bash -c 'bash -c "echo started; sleep 300; :"; :' & wait; :`);
    await killed(await started(script), signal);
  });

  it("keeps the strictness of a step, its input and its exit status", async () => {
    expect((await runScript(endWithParent(sh`false; echo after`))).stdout).toBe("");
    expect((await runScript(endWithParent(sh`exit 7`))).code).toBe(7);
    expect((await runScript(sh`echo given | { ${endWithParent(sh`cat`)}; }`)).stdout).toBe("given\n");
  });
});

describe.runIf(isRoot)("a file of the developer's", () => {
  let root: string;
  beforeEach(() => {
    root = temporaryFolder("dev-");
    chmodSync(root, 0o777);
  });

  it("belongs to the developer", async () => {
    const file = join(root, "made");
    const ran = await runScript(lines(asDeveloper(developer, "touch", file), sh`stat -c %u:%g ${file}`));
    expect(ran.stdout).toBe("54321:54322\n");
  });
});
