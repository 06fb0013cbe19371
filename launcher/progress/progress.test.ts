/** The launcher as a process, at a terminal and without one, with a pulumi that writes what was recorded of a real one. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ranOf } from "../../test/support/ran.ts";
import { writeProgram } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { pulumiVersion, sourceKey } from "../../toolchain/recipe.ts";
import { project } from "../project.ts";

// Each starts a launcher, and what that starts beside pulumi.
vi.setConfig({ testTimeout: 180_000 });

const support = join(project, "test/support");
const columns = 80;

let home: string;
beforeEach(() => {
  home = temporaryFolder("duet-progress-");
  const replay = `exec ${process.execPath} ${support}/pulumi-replay.ts "$@"`;
  writeProgram(join(home, "real/replay"), `case "$*" in *"stack export"*) exit 255 ;; esac\n${replay}`);
  writeProgram(join(home, "bin/virsh"), "exit 0");
  writeProgram(join(home, "bin/dpkg-query"), `shift 3; printf '%s\\tinstalled\\n' "$@"`);
  const key = sourceKey(join(project, "toolchain"));
  const installed = join(home, `cache/duet/toolchain/release-${pulumiVersion}-${key}`);
  mkdirSync(installed, { recursive: true });
  const record = { pulumi: join(home, "real/replay"), path: [], home: join(home, "pulumi"), source: "release" };
  writeFileSync(join(installed, "toolchain.json"), JSON.stringify(record));
});

/** Runs the launcher, and gives what it prints; all of it, if it has a terminal. */
async function launch(line: string, speed: number, through: readonly string[] = []) {
  // In the process that was called, as duetctl has it.
  const program = `import { launch } from "${project}/ctl/launcher.ts"; await launch(process.argv.slice(1));`;
  const node = [process.execPath, "--input-type=module", "-e", program, "--", ...line.split(" ")];
  const [command = "", ...words] = [...through, ...node];
  const child = spawn(command, words, {
    cwd: project,
    env: {
      PATH: `${join(home, "bin")}:/usr/bin:/bin`,
      HOME: home,
      TERM: "xterm",
      XDG_CACHE_HOME: join(home, "cache"),
      XDG_STATE_HOME: join(home, "state"),
      DUET_SHARED: join(home, "shared"),
      PULUMI_BACKEND_URL: `file://${home}/backend`,
      PULUMI_CONFIG_PASSPHRASE: "",
      REPLAY_SPEED: String(speed),
    },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  return ranOf(child);
}

interface Terminal {
  readonly output: string;
  readonly status: number;
  /** Whether its settings are what they were before. */
  readonly same: boolean;
}

/** The same at a terminal, at which Ctrl-C is typed once it shows something. */
async function atTerminal(line: string, speed: number, interruptAt = ""): Promise<Terminal> {
  const { stdout, stderr } = await launch(line, speed, ["python3", join(support, "pty.py"), interruptAt]);
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a terminal is told by.
const sequence = /\x1b\[(\d*)([A-Z])|\x1b.|\r|\n|[^\x1b\r\n]+/gs;

/** What a terminal shows in the end, whose every line is there to be scrolled to. Knows what Screen uses, and no more. */
function shown(output: string): readonly string[] {
  const lines = [""];
  let [row, column] = [0, 0];
  for (const [all, count, command] of output.matchAll(sequence)) {
    if (all === "\r") column = 0;
    else if (all === "\n") {
      row += 1;
      lines[row] ??= "";
    } else if (command === "A") row -= Number(count || 1);
    else if (command === "J") lines.splice(row, Number.POSITIVE_INFINITY, (lines[row] ?? "").slice(0, column));
    else if (all.startsWith("\x1b")) throw new Error(`the terminal is told ${JSON.stringify(all)}`);
    else {
      lines[row] =
        (lines[row] ?? "").padEnd(column).slice(0, column) + all + (lines[row] ?? "").slice(column + all.length);
      column += all.length;
    }
  }
  return lines.map((line) => line.trimEnd());
}

const up = "up --yes --skip-preview --stack workstation";
const log = () => join(home, "cache/duet/log/workstation-up.log");

describe("at a terminal of 80 columns", () => {
  it("what runs and what waits is shown in place, and what was done stays", async () => {
    const { output, status, same } = await atTerminal(up, 25);
    expect({ status, same }).toEqual({ status: 0, same: true });
    const progress = output.slice(0, output.indexOf("Outputs:"));
    expect([...progress.matchAll(sequence)].filter(([text]) => text.length >= columns)).toEqual([]);
    expect(progress).toMatch(/ {2}run the kernel in one \(one-kernel-boot\) +\d\.\d s\r\n/);
    expect(progress).toContain("build module duet (module-build) waits for one-kernel-boot\r\n");
    const lines = shown(output);
    expect(lines.filter((line) => line.startsWith("+ build the kernel (kernel) "))).toHaveLength(1);
    expect(lines.filter((line) => line.includes("waits for"))).toEqual([]);
    const end = ["Outputs:", "    vms: []", "", "Resources:", "    + 52 created", "", "Duration: 4m19s"];
    expect(lines.slice(-end.length - 2)).toEqual([...end, `duet: all that pulumi said is in ${log()}`, ""]);
    expect(readFileSync(log(), "utf8")).toMatch(/^Updating \(dev\):\n/);
  });

  it("Ctrl-C in the middle ends it, tells what was not done, and leaves the terminal as it was", async () => {
    const { output, status, same } = await atTerminal(up, 25, "duet-module/hook.o");
    expect({ status, same }).toEqual({ status: 255, same: true });
    const lines = shown(output);
    expect(lines).toContainEqual(expect.stringMatching(/^! build module duet \(module-build\) +cut off, \d\.\d s$/));
    expect(lines.filter((line) => line.includes("^C received; cancelling"))).toHaveLength(1);
    expect(lines.filter((line) => line.includes("waits for"))).toEqual([]);
    expect(lines.at(-2)).toBe("duet: this run was ended by SIGINT; run it again, it goes on from here");
    expect(lines.at(-1)).toBe("");
  });

  it("pulumi has it for itself if it is to ask", async () => {
    const { output } = await atTerminal("up --stack workstation", 1000);
    expect(shown(output)[0]).toBe("Updating (dev):");
  });
});

describe("without a terminal", () => {
  it("there is a line when something begins, and one when it has ended, and none twice", async () => {
    const { status, stdout, stderr } = await launch(up, 1000);
    expect({ status, stderr }).toEqual({ status: 0, stderr: `duet: all that pulumi said is in ${log()}\n` });
    const lines = stdout.slice(0, stdout.indexOf("\n\nOutputs:")).split("\n");
    expect(new Set(lines).size).toBe(lines.length);
    const ended = lines.flatMap((line) => /^(.*): (?:done in|cut off after) [\d.]+ s$/.exec(line)?.[1] ?? []);
    expect(lines.filter((line) => ended.includes(line))).toEqual(expect.arrayContaining(ended));
    expect(lines).toHaveLength(2 * ended.length);
    expect(lines).toContain("build the kernel (kernel)");
  });

  it.each(["--non-interactive", "--json", "--diff"])("pulumi's own display is as it is with %s", async (option) => {
    const { status, stdout, stderr } = await launch(`${up} ${option}`, 100_000);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^Updating \(dev\):\n\nOutputs:\n/);
    expect(existsSync(log())).toBe(false);
  });
});
