/**
 * The files of an editor with gdb and two debug adapters, at a program under gdbserver in the place of a kernel under
 * QEMU's stub: all but the kernel's own commands is as it is with a guest. The end-to-end test has the guest.
 */
import { type ChildProcess, type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { DebugClient } from "@vscode/debugadapter-testsupport";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { symbolCommands } from "../gdb/session.ts";
import { scriptText } from "../machine/script-text.ts";
import { template } from "../machine/template.ts";
import { launchConfigurations } from "./launch.ts";

const cdt = createRequire(import.meta.url).resolve("cdt-gdb-adapter/dist/debugTargetAdapter.js");
const has = (program: string) => spawnSync("sh", ["-c", 'command -v "$1"', "sh", program]).status === 0;
/** gdb speaks the protocol of debug adapters from 14 on. */
const version = Number(
  / (\d+)\.\d+/.exec(spawnSync("gdb", ["--version"], { encoding: "utf8" }).stdout ?? "")?.[1] ?? 0,
);

const source = `#include <unistd.h>
#include <stdio.h>
void hook(unsigned long ino)
{
	unsigned long seen = ino + 1;
	FILE *beat = fopen(BEAT, "w");
	fprintf(beat, "%lu", seen);
	fclose(beat);
}
int main(void)
{
	for (unsigned long ino = 41;; ino++) {
		hook(ino);
		usleep(50000);
	}
}
`;
/** The line at which the first local variable of the hook has its value. */
const line = 6;
/** In the place of the kernel's scripts: lx-symbols says what it is given. */
const scripts = `import gdb, sys, types
class Symbols(gdb.Command):
    def __init__(self):
        super().__init__("lx-symbols", gdb.COMMAND_DATA)
    def invoke(self, argument, from_tty):
        open(BEAT + ".symbols", "a").write(argument + "\\n")
Symbols()
linux = types.ModuleType("linux")
linux.symbols = types.ModuleType("linux.symbols")
linux.symbols.LxSymbols = Symbols
sys.modules.update({"linux": linux, "linux.symbols": linux.symbols})
`;

let folder: string;
let program: ChildProcess;
let server: ChildProcess;
let stub: string;
beforeEach(async () => {
  folder = temporaryFolder("adapter-");
  chmodSync(folder, 0o777);
  const build = join(folder, "build");
  const beat = join(folder, "beat");
  mkdirSync(build);
  writeFileSync(join(folder, "hook.c"), source);
  writeFileSync(join(build, "vmlinux-gdb.py"), scripts.replace("BEAT", JSON.stringify(beat)));
  const made = spawnSync("gcc", [
    "-g",
    "-O0",
    `-DBEAT="${beat}"`,
    join(folder, "hook.c"),
    "-o",
    join(build, "vmlinux"),
  ]);
  expect(made.stderr.toString()).toBe("");
  // As at QEMU's stub, what is debugged was there before. gdbserver interrupts its process group.
  program = spawn(join(build, "vmlinux"), { detached: true });
  server = spawn("gdbserver", ["--attach", "127.0.0.1:0", String(program.pid)]);
  const port = await new Promise<string>((resolve) => {
    let said = "";
    server.stderr?.on("data", (text) => {
      said += text;
      const [, port] = /^Listening on port (\d+)$/m.exec(said) ?? [];
      if (port !== undefined) resolve(port);
    });
  });
  stub = `127.0.0.1:${port}`;
  const commands = join(folder, "guest.editor.gdb");
  writeFileSync(
    commands,
    `${symbolCommands(build)}${template(import.meta.url, "editor.gdb", { guest: "guest", tree: "/the/module" })}`,
  );
  const values = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, enter: [], directory: folder };
  const text = scriptText(import.meta.url, "../gdb/debugger.sh", { ...values, command_file: commands });
  writeFileSync(join(folder, "guest.editor.sh"), `#!/usr/bin/env bash\n${text}\n`, { mode: 0o700 });
});
afterEach(() => {
  server.kill("SIGKILL");
  program.kill("SIGKILL");
});

/** Whether the program goes on by itself: what it has last written changes. */
async function goesOn(): Promise<boolean> {
  const beat = () => (existsSync(join(folder, "beat")) ? readFileSync(join(folder, "beat"), "utf8") : "");
  const before = beat();
  for (let tenth = 0; tenth < 50; tenth++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (beat() !== before && beat() !== "") return true;
  }
  return false;
}

/** The debuggers that are attached, as the system lists their connections. */
const clients = () =>
  spawnSync("ss", ["-Htn", "state", "established", `sport = :${stub.split(":")[1]}`], { encoding: "utf8" }).stdout;

/** The configuration of launch.json for a kind of adapter. */
function configuration(type: string): object & { readonly program: string } {
  const target = { guest: "guest", stub, gdb: join(folder, "guest.editor.sh"), build: join(folder, "build") };
  return launchConfigurations(target).find((one) => "type" in one && one.type === type) as never;
}

async function debugs(client: DebugClient, type: string): Promise<void> {
  const path = join(folder, "hook.c");
  const initialized = client.waitForEvent("initialized", 30_000);
  await client.initializeRequest();
  const attached = client.attachRequest(configuration(type) as never);
  await Promise.race([initialized, attached]);
  await initialized;
  const { breakpoints } = (await client.setBreakpointsRequest({ source: { path }, breakpoints: [{ line }] })).body;
  expect(breakpoints[0]?.verified).toBe(true);
  const stopped = client.waitForEvent("stopped", 30_000);
  await client.configurationDoneRequest();
  await attached;
  const { reason, threadId } = (await stopped).body;
  if (reason !== "breakpoint") {
    const again = client.waitForEvent("stopped", 30_000);
    await client.continueRequest({ threadId });
    expect((await again).body.reason).toBe("breakpoint");
  }
  const [frame] = (await client.stackTraceRequest({ threadId, levels: 1 })).body.stackFrames;
  expect([frame?.source?.path, frame?.line]).toEqual([path, line]);
  const { scopes } = (await client.scopesRequest({ frameId: frame?.id ?? 0 })).body;
  const all = await Promise.all(
    scopes.map(({ variablesReference }) => client.variablesRequest({ variablesReference })),
  );
  const variables = all.flatMap(({ body }) => body.variables);
  expect(variables.find(({ name }) => name === "seen")?.value).toMatch(/^\d+$/);
  expect(readFileSync(join(folder, "beat.symbols"), "utf8")).toBe("/the/module\n");
  await client.setBreakpointsRequest({ source: { path }, breakpoints: [] });
  await client.continueRequest({ threadId });
}

/** A client of an adapter that somebody else has started. */
class AttachedClient extends DebugClient {
  attachTo({ stdout, stdin }: ChildProcessByStdio<Writable, Readable, null>): void {
    this.connect(stdout, stdin);
  }
}

describe.runIf(has("gdbserver") && has("gdb") && has("gcc"))("the configuration that up writes", () => {
  it("has Eclipse's adapter stop in a file at a line, and what is debugged goes on after its end", async () => {
    const client = new DebugClient(process.execPath, cdt, "gdbtarget");
    await client.start();
    try {
      await debugs(client, "gdbtarget");
      expect(await goesOn()).toBe(true);
      await client.disconnectRequest();
    } finally {
      await client.stop();
    }
    expect(await goesOn()).toBe(true);
  });

  it.runIf(version >= 14)("has gdb's own adapter do the same", async () => {
    const adapter = spawn(join(folder, "guest.editor.sh"), ["--interpreter=dap"], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const client = new AttachedClient("", "", "gdb");
    try {
      client.attachTo(adapter);
      await debugs(client, "gdb");
      // gdb 16 does not end while what is debugged runs.
      const paused = client.waitForEvent("stopped", 30_000);
      await client.pauseRequest({ threadId: 1 });
      await paused;
      await client.disconnectRequest({ terminateDebuggee: false });
    } finally {
      adapter.stdin.end();
    }
    expect(await goesOn()).toBe(true);
    expect(clients()).toBe("");
  });

  it.each(["kill", "disconnect", "quit"])(
    "has what is debugged go on after %s, by which an adapter may end",
    async (end) => {
      const gdb = join(folder, "guest.editor.sh");
      const words = ["-batch", "-ex", `target remote ${stub}`, "-ex", "break hook", "-ex", "continue", "-ex", end];
      const { stdout } = spawnSync(gdb, words, { encoding: "utf8", timeout: 30_000 });
      expect(stdout).toMatch(/Breakpoint 1, hook/);
      expect(await goesOn()).toBe(true);
    },
  );
});
