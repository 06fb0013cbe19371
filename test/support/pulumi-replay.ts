/**
 * What takes the place of pulumi where its progress is shown: it writes recorded events as pulumi does, so many times
 * faster as REPLAY_SPEED says, and prints an end. A signal ends it as it ends pulumi: what runs is given up first.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

interface Recorded {
  readonly timestamp: number;
  readonly resourcePreEvent?: { readonly metadata: { readonly urn: string } };
  readonly resOutputsEvent?: { readonly metadata: { readonly urn: string } };
}

/** The events of a first `up` of one guest, with the kernel's objects in the cache. Seconds count from its beginning. */
const recorded: readonly Recorded[] = readFileSync(join(import.meta.dirname, "recorded-up.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));

const log = process.argv[process.argv.indexOf("--event-log") + 1] ?? "";
const speed = Number(process.env.REPLAY_SPEED);
const write = (event: object) => appendFileSync(log, `${JSON.stringify(event)}\n`);
const running = new Map<string, object>();
const begin = performance.now();

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, async () => {
    write({ stdoutEvent: { message: "^C received; cancelling. If you would like to terminate, press ^C again.\n" } });
    await sleep(700);
    for (const metadata of running.values()) {
      write({ resOpFailedEvent: { metadata, status: 0, steps: 0 } });
    }
    write({ diagnosticEvent: { prefix: "error: ", message: "update canceled\n", severity: "error" } });
    process.stdout.write("\nDiagnostics:\n  a lot\n\nResources:\n    + 40 created\n\nDuration: 5s\n");
    process.exit(255);
  });
}

process.stdout.write("Updating (dev):\n");
for (const event of recorded) {
  await sleep(Math.max(0, (event.timestamp * 1000) / speed - (performance.now() - begin)));
  write(event);
  const [began, ended] = [event.resourcePreEvent?.metadata, event.resOutputsEvent?.metadata];
  if (began) running.set(began.urn, began);
  if (ended) running.delete(ended.urn);
}
process.stdout.write("\nOutputs:\n    vms: []\n\nResources:\n    + 52 created\n\nDuration: 4m19s\n");
