import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { runBash } from "../../../test/support/run-script.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { scriptText } from "../script-text.ts";
import { sh } from "../shell.ts";

const library = scriptText(import.meta.url, "lock.sh", {});
let file: string;
beforeEach(() => {
  file = join(temporaryFolder("it's locked-"), "a lock");
  writeFileSync(file, "");
});

const take = (seconds: number) => runBash(`${library}\n${sh`exec 9<>${file}; lock 9 ${seconds}`.shell}`);

/** Another shell that has it locked. Gives what ends that shell. */
async function held(child: string): Promise<() => Promise<unknown>> {
  const words = ["-c", `${library}\n${sh`exec 9<>${file}; lock 9 5; ${{ shell: child }} echo held; read -r _`.shell}`];
  const shell = spawn("bash", words, { stdio: ["pipe", "pipe", "ignore"] });
  await new Promise((resolve) => shell.stdout.once("data", resolve));
  return () => {
    const ended = new Promise((resolve) => shell.once("exit", resolve));
    shell.kill("SIGKILL");
    return ended;
  };
}

describe("a lock", () => {
  it("is one shell's alone, and is given up with it, however it ends", async () => {
    const end = await held(":;");
    expect((await take(0)).code).toBe(1);
    expect(await take(1)).toMatchObject({ stdout: "", stderr: "" });
    expect((await take(1)).code).not.toBe(0);
    await end();
    expect((await take(0)).code).toBe(0);
  });

  it("is waited for as long as is said", async () => {
    const end = await held(":;");
    setTimeout(end, 500);
    expect((await take(20)).code).toBe(0);
  });

  it("is held by what the shell has started, also once the shell is gone", async () => {
    const end = await held("sleep 2 &");
    await end();
    expect((await take(0)).code).toBe(1);
    expect((await take(20)).code).toBe(0);
  });

  it("is of the kind that a guest's lock is at the NFS server: of fcntl(2), and not of flock(1)", async () => {
    const end = await held(":;");
    expect((await runBash(sh`flock -n ${file} true`.shell)).code).toBe(0);
    const program = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)";
    expect((await runBash(sh`python3 -c ${program} ${file}`.shell)).code).not.toBe(0);
    await end();
  });
});
