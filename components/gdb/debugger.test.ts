import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { writeProgram } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script-text.ts";
import { sh } from "../machine/shell.ts";

/** A gdb that tells what it is given: who it is, its words, its commands, its environment and its files. */
const gdb = `echo "who: $(id -u):$(id -g) of $(id -G)"
printf 'word: %s\\n' "$@"
while [ "$1" != -x ]; do shift; done
echo "commands: $(cat "$2")"
env | sed 's/^/has: /'
for file in /proc/$$/fd/*; do if [ -e "$file" ]; then printf 'file: '; readlink "$file"; fi; done
{ echo "terminal: $(ps -o tty= -p $$)"; } 2>&1
exit 7`;

let folder: string;
let calls: string;
beforeEach(() => {
  folder = temporaryFolder("it's gdb-");
  const secret = join(folder, "root's");
  mkdirSync(secret);
  writeFileSync(join(secret, "commands"), "target remote :1");
  calls = join(secret, "gdb.sh");
  const values = { uid: 54321, gid: 54322, directory: "/media/data/duet", command_file: join(secret, "commands") };
  const enter = ["sh", "-c", 'echo entered; exec "$@"', "sh"];
  writeFileSync(calls, scriptText(import.meta.url, "debugger.sh", { ...values, enter }));
  chmodSync(secret, 0o700);
  writeProgram(join(folder, "bin/gdb"), gdb, "/bin/bash");
});

/** Calls it from bash as root does. */
const bash = (line: string) =>
  spawnSync("setsid", ["--wait", "bash", "-c", line], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PATH: `${folder}/bin:${process.env.PATH}`, SECRET: "root's", SHELL: "/bin/bash" },
  });
const values = (key: string, text: string) =>
  [...text.matchAll(new RegExp(`^${key}: (.*?)\\r?$`, "gm"))].map(([, value]) => value);

describe.runIf(process.getuid?.() === 0)("gdb that root calls", () => {
  it("is the developer's, in the stack's network, with its commands and what else it was asked", () => {
    const { stdout, status } = bash(sh`bash ${calls} -ex ${"print 'a b'"}`.shell);
    expect(status).toBe(7);
    expect(stdout).toMatch(/^entered$/m);
    expect(values("who", stdout)).toEqual(["54321:54322 of 54322"]);
    const safe = ["-iex", "add-auto-load-safe-path /media/data/duet"];
    expect(values("word", stdout)).toEqual([...safe, "-x", "/proc/self/fd/3", "-ex", "print 'a b'"]);
    expect(values("commands", stdout)).toEqual(["target remote :1"]);
    expect(values("has", stdout)).toContain("HOME=/");
    expect(values("has", stdout).join()).not.toContain("SECRET");
    expect(values("terminal", stdout)).toEqual(["?"]);
  });

  it("has a terminal of its own, if root calls it at one, and none of its files is root's", () => {
    const { stdout } = bash(
      sh`script -qec ${sh`echo "root has: $(tty)"; bash ${calls} 9</etc/passwd; echo "status: $?"`.shell} /dev/null`
        .shell,
    );
    const [roots] = values("root has", stdout);
    expect(roots).toMatch(/^\/dev\/pts\/\d+$/);
    const [own = "", ...files] = values("file", stdout);
    expect(own).toMatch(/^\/dev\/pts\/\d+$/);
    expect(own).not.toBe(roots);
    // Beside its terminal it has its commands, and bash its script.
    expect(new Set(files)).toEqual(new Set([own, join(folder, "root's/commands"), join(folder, "bin/gdb")]));
    expect(values("terminal", stdout)).toEqual([own.replace("/dev/", "")]);
    expect(values("status", stdout)).toEqual(["7"]);
  });
});
