/**
 * How long an edit takes to be in a guest, beside the same thing by hand, in turns on a stack that stands. Prints the
 * median seconds of each, the ratios and their aims. The sources are put back in the end, and brought.
 *
 * Usage: npm run bench:loop -- [--stack NAME] [--rounds N] [--kernel]. Defaults to 3 rounds, and the module alone.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { scriptText } from "../components/machine/script-text.ts";
import { type Shell, sh } from "../components/machine/shell.ts";
import { meantGuest } from "../ctl/guest.ts";
import { printed } from "../ctl/hand-over.ts";
import { standingStack } from "../ctl/standing.ts";
import { project } from "../launcher/project.ts";
import { entryPoint, UserError } from "../sandbox/report.ts";
import { median } from "./median.ts";

/** A way to bring an edit, which is timed. */
type Way = () => number | Promise<number>;

/** Something that is edited, and the ways in which that is brought, the one by hand first. */
interface Edited {
  readonly what: string;
  readonly file: string;
  /** A line of C that makes the file another one. */
  line(round: string): string;
  readonly ways: Readonly<Record<string, Way>>;
  /** At most so many times as long as by hand: docs of the loop. */
  readonly aims: Readonly<Record<string, number>>;
}

function seconds(command: string, words: readonly string[]): number {
  const begun = performance.now();
  const { status, stderr } = spawnSync(command, words, { encoding: "utf8", maxBuffer: 1 << 28, cwd: project });
  if (status !== 0) {
    throw new UserError(`cannot time ${command} ${words[0]}: ${stderr.trimEnd().split("\n").at(-1)}`);
  }
  return (performance.now() - begun) / 1000;
}

/** Edits, times each way in turn, and puts the file back. */
async function timed({ file, line, ways }: Edited, rounds: number, settle: () => void) {
  const original = readFileSync(file, "utf8");
  const { atime, mtime } = statSync(file);
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const [way, bring] of Object.entries(ways)) {
        writeFileSync(file, `${original}\n${line(`${round}_${way.replaceAll(/\W/g, "_")}`)}\n`);
        times[way]?.push(await bring());
        // Each begins with a stack that has nothing to do.
        settle();
      }
    }
  } finally {
    writeFileSync(file, original);
    utimesSync(file, atime, mtime);
    settle();
  }
  return times;
}

/** Seconds from a save, which has just been, to a guest that has it, as the watcher says it. */
function watched(stack: string): Way {
  return () => {
    const begun = performance.now();
    const child = spawn(join(project, "bin/duetctl"), ["watch", "--stack", stack], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    return new Promise((resolve, reject) => {
      let since = begun;
      const lines = createInterface({ input: child.stdout });
      lines.on("line", (line) => {
        // It is there before a person saves: what it costs to start is not of the loop.
        if (/ watches /.test(line)) since = performance.now();
        if (/ is loaded, /.test(line)) {
          resolve((performance.now() - since) / 1000);
          child.kill("SIGINT");
        } else if (/ cannot /.test(line)) {
          reject(new UserError(`cannot time the watcher: it says ${line}`));
          child.kill("SIGINT");
        }
      });
    });
  };
}

await entryPoint("bench", async () => {
  const { values: options } = parseArgs({
    options: { stack: { type: "string" }, rounds: { type: "string", default: "3" }, kernel: { type: "boolean" } },
  });
  const stack = await standingStack(options.stack, process.env);
  const { name: guest, sshCommand } = meantGuest(stack, stack.guests[0]?.name);
  const inGuest = (script: Shell, options: readonly string[] = []): readonly [string, string[]] => {
    const [command = "", ...words] = printed(sshCommand, [...options, script.shell]);
    return [command, words];
  };
  const ask = (script: Shell) => execFileSync(...inGuest(script), { encoding: "utf8" }).trim();
  // The connection that commands share has died with the boot before.
  const answers = () => spawnSync(...inGuest(sh`true`, ["-o", "ControlPath=none"]), { timeout: 5000 }).status === 0;
  const tree = join(stack.sources, "duet-module");
  const build = join(stack.sources, "build/duet-kernel");
  const make = sh`make -s -C ${build} M=${tree} modules`;
  const developer = ask(sh`getent passwd ${statSync(tree).uid}`).split(":")[0] ?? "";
  const called = stack.module;
  const load = sh`rmmod ${called} && insmod ${join(tree, `${called}.ko`)}`;
  const up = () =>
    seconds(join(project, "bin/pulumi"), ["up", "--yes", "--skip-preview", "--non-interactive", "--stack", stack.name]);
  const module: Edited = {
    what: "one line of the module, to reloaded",
    file: join(tree, "main.c"),
    line: (round) => `MODULE_INFO(bench, "${round}");`,
    ways: {
      "by hand": () => seconds(...inGuest(sh`su ${developer} -c ${make.shell} && ${load}`)),
      up,
      watch: watched(stack.name),
    },
    aims: { up: 2.5, watch: 1.3 },
  };
  const kernelTree = join(stack.sources, "duet-kernel");
  const kernelByHand = () => {
    const begun = performance.now();
    const command_line = `root=/dev/vda1 ${ask(sh`cat /proc/cmdline`).replaceAll(/(?:BOOT_IMAGE|root)=\S+ /g, "")}`;
    const values = { tree: kernelTree, build, compiler: "gcc", uri: stack.uri, guest, command_line };
    seconds("bash", ["-c", scriptText(import.meta.url, "by-hand/kernel.sh", values)]);
    while (!answers());
    return (performance.now() - begun) / 1000;
  };
  const kernel: Edited = {
    what: "one line of mm/filemap.c, to booted",
    file: join(kernelTree, "mm/filemap.c"),
    line: (round) => `static const char bench[] __used = "${round}";`,
    ways: { "by hand": kernelByHand, up },
    aims: { up: 1.5 },
  };
  for (const edited of [module, ...(options.kernel ? [kernel] : [])]) {
    const times = await timed(edited, Number(options.rounds), up);
    const [hand = Number.NaN] = Object.values(times).map(median);
    console.log(`${edited.what}:`);
    for (const [way, all] of Object.entries(times)) {
      const [value, aim] = [median(all), edited.aims[way]];
      const ratio = aim === undefined ? "" : `, ${(value / hand).toFixed(2)} times as long as by hand (aim: ${aim})`;
      console.log(`  ${way}: ${value.toFixed(1)} s${ratio}`);
    }
  }
});
