import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runLibrary } from "../../../test/support/run-script.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { scriptText } from "../script-text.ts";

describe("a guest that comes up", () => {
  /** Waits 600 s at most in a time that passes by half minutes, in each of which the console says something. */
  const wait = (answers: string, says: string) => {
    const root = temporaryFolder("it's a guest-");
    const symbols = {
      uri: "test:///default",
      guest: "vm",
      tree: root,
      build: root,
      modules: root,
      uid: 1000,
      gid: 1000,
    };
    const values = { ssh: ["ssh", "-F", "vm"], console: join(root, "console"), ...symbols };
    return runLibrary(
      scriptText(import.meta.url, "await.sh", values),
      `answers() { ${answers}; }
sleep() { SECONDS=$((SECONDS + 30)); ${says} >>"$console"; }
if await_guest 600; then echo "up after $(waited)"; else echo "given up after $(waited)"; fi`,
    );
  };

  it("is waited for as long as its console moves, and not for ever", async () => {
    const moving = "echo '[  OK  ] Started it.'";
    expect((await wait('[ "$SECONDS" -ge 500 ]', moving)).stdout).toMatch(/^up after 5[0-3]\d\n$/);
    expect((await wait("false", moving)).stdout).toMatch(/^given up after 6[0-3]\d\n$/);
  });

  it("is given up if its console is silent, and as soon as it has panicked", async () => {
    expect((await wait("false", ":")).stdout).toMatch(/^given up after 2[4-7]\d\n$/);
    const panic = "echo '---[ end Kernel panic - not syncing: it is ]---'";
    expect((await wait("false", panic)).stdout).toMatch(/^given up after 3\d\n$/);
  });
});
