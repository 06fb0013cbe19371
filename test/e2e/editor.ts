/** An editor, without one: a client of the debug adapter protocol with the files that `up` has written, and clangd. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { DebugClient } from "@vscode/debugadapter-testsupport";
import { sh } from "../../components/index.ts";
import { demand, type Names, whileEventsHappen } from "./checks.ts";
import { type Guest, shared, type TestStack } from "./stack.ts";

/** The adapter of Eclipse's extension, which speaks MI with gdb as that of Microsoft does. */
const adapter = createRequire(import.meta.url).resolve("cdt-gdb-adapter/dist/debugTargetAdapter.js");

/** Milliseconds that the adapter may take to attach, with the symbols of a kernel to be read. */
const patience = 120_000;

/** A line in the hook at which its first local variable has its value. */
const place = { file: `${shared}/duet-module/hook.c`, text: "\tlist_for_each_entry_rcu(task, &duet_tasks" };

/** The configuration of launch.json for a guest and a kind of adapter. */
function configuration(stack: TestStack, guest: string, type: string): object {
  const { configurations } = JSON.parse(readFileSync(join(stack.folder, ".vscode/launch.json"), "utf8"));
  return configurations.find((one: { type: string; name: string }) => one.type === type && one.name.startsWith(guest));
}

/** Sets a breakpoint by file and line, is stopped there, reads a local variable, and lets the guest go on. */
export async function stopsInAdapter(stack: TestStack, { name }: Guest, { task }: Names): Promise<void> {
  const text = readFileSync(place.file, "utf8");
  const line = text.slice(0, text.indexOf(place.text)).split("\n").length;
  const client = new DebugClient(process.execPath, adapter, "gdbtarget");
  await client.start();
  try {
    await whileEventsHappen(stack, name, task, async () => {
      await client.initializeRequest();
      const initialized = client.waitForEvent("initialized", patience);
      const attached = client.attachRequest(configuration(stack, name, "gdbtarget"));
      await Promise.race([initialized, attached]);
      const breakpoints = await client.setBreakpointsRequest({ source: { path: place.file }, breakpoints: [{ line }] });
      demand("the breakpoint", JSON.stringify(breakpoints.body.breakpoints), /"verified":true/);
      const stopped = client.waitForEvent("stopped", patience);
      await client.configurationDoneRequest();
      await attached;
      const { reason, threadId } = (await stopped).body;
      demand("why it has stopped", reason, "breakpoint");
      const [frame] = (await client.stackTraceRequest({ threadId, levels: 1 })).body.stackFrames;
      demand("where it has stopped", `${frame?.source?.path}:${frame?.line}`, `${place.file}:${line}`);
      const { scopes } = (await client.scopesRequest({ frameId: frame?.id ?? 0 })).body;
      const [{ variablesReference = 0 } = {}] = scopes;
      const { variables } = (await client.variablesRequest({ variablesReference })).body;
      demand("the local variable ino", variables.find((one) => one.name === "ino")?.value ?? "", /^\d+$/);
      await client.setBreakpointsRequest({ source: { path: place.file }, breakpoints: [] });
      await client.continueRequest({ threadId });
      await client.disconnectRequest();
    });
  } finally {
    await client.stop();
  }
}

/** clangd opens a file of the kernel and one of the module, and finds nothing wrong in them: no header is missing. */
export async function readsSources(stack: TestStack): Promise<void> {
  for (const file of ["duet-kernel/mm/filemap.c", "duet-module/hook.c"]) {
    // Each token is looked at unless lines are named.
    const said = await stack.host(sh`clangd --check=${`${shared}/${file}`} --check-lines=1-1 2>&1 || true`, 300);
    demand(`the database for ${file}`, said, new RegExp(`database from ${shared}/build/compile_commands.json`));
    demand(`what clangd says of ${file}`, said, /^I.* All checks completed, 0 errors$/m);
  }
}
