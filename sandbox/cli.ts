import { spawnSync } from "node:child_process";
import { inside, requireRoot, start, status, stop } from "./host.ts";
import { installPackages, sandboxPackages } from "./packages.ts";
import { sandboxPathsFrom } from "./paths.ts";
import { entryPoint, reportTo, UserError } from "./report.ts";

const usage = "usage: node sandbox/cli.ts start | stop | status [--json] | exec -- COMMAND... | packages [NAME...]";

await entryPoint("sandbox", async () => {
  const paths = sandboxPathsFrom(process.env);
  const report = reportTo("sandbox");
  const [verb, ...words] = process.argv.slice(2);
  switch (verb) {
    case "start":
      return start(paths, report);
    case "stop":
      return stop(paths, report);
    case "packages":
      return installPackages(report, [...sandboxPackages, ...words]);
    case "status": {
      const found = await status(paths);
      if (words[0] === "--json") {
        console.log(JSON.stringify(found, undefined, 2));
      } else {
        console.log(
          `${found.namespace}: ${found.running ? "running" : "not running"}, ${found.accelerator}, ${found.uri}`,
        );
        for (const part of found.parts) {
          console.log(`  ${part.name}: ${part.up ? "up" : "down"}${part.pid ? `, pid ${part.pid}` : ""}`);
        }
      }
      process.exitCode = found.running ? 0 : 3;
      return;
    }
    case "exec": {
      const command = words[0] === "--" ? words.slice(1) : words;
      if (command.length === 0) {
        throw new UserError(usage);
      }
      requireRoot("run a command in the embedded host");
      if (!(await status(paths)).running) {
        throw new UserError(
          "cannot run a command in the embedded host: it is not running; start it: node sandbox/cli.ts start",
        );
      }
      const [program, ...rest] = inside(paths, command) as [string, ...string[]];
      // The terminal's signals go to the command itself: only wait for it.
      for (const signal of ["SIGINT", "SIGQUIT"] as const) {
        process.on(signal, () => {});
      }
      const result = spawnSync(program, rest, { stdio: "inherit" });
      if (result.error) {
        throw new UserError(`cannot run ${command[0]}: ${result.error.message}`);
      }
      process.exitCode = result.status ?? 1;
      return;
    }
    default:
      throw new UserError(usage);
  }
});
