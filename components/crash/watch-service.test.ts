import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { processName, until } from "../../sandbox/processes.ts";
import { type Ran, runLibrary, runStep, type Stubs, type Verb } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";
import { sh } from "../machine/shell.ts";

vi.setConfig({ testTimeout: 30_000 });

let root: string;
const at = (...names: readonly string[]) => join(root, ...names);
beforeEach(() => {
  root = temporaryFolder("it's a service-");
});
const places = () => ({ watch: at("watch"), reports: at("watch/reports"), told: at("told") });

/** A watcher that writes its pid, as the real one does, and waits. */
const watcher = (more = "") => `#!/bin/bash
${sh`W=${at("watch")}`.shell}
case $1 in watch) echo "$$" >"$W/pid"; ${more} sleep 300 & wait ;; collect) echo collect >>"$W/../calls" ;; esac
`;
const run = (verbs: Verb | readonly Verb[], change: object = {}, stubs: Stubs = {}): Promise<Ran> =>
  runStep(
    scriptText(import.meta.url, "watch-service.sh", {
      ...{ guest: "one", ...places(), text: watcher(), unit: "", asked_for: "", ...change },
    }),
    verbs,
    { stubs, records: at("records") },
  );
const pid = () => Number(readFileSync(at("watch/pid"), "utf8"));
afterEach(async () => {
  await run("delete");
});

/** The processes of a group, but for one that has ended and is still listed. */
const processes = (group: number) =>
  readdirSync("/proc").filter((name) => {
    const stat =
      /^\d+$/.test(name) && existsSync(`/proc/${name}/stat`) ? readFileSync(`/proc/${name}/stat`, "utf8") : "";
    const [state, , of] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(of) === group && state !== "Z";
  });

/** A crash as the watcher writes it down. */
function crash(name: string, story: string): void {
  mkdirSync(at("watch/reports", name), { recursive: true });
  writeFileSync(at("watch/reports", name, "story"), `${story}\n`);
}

it("runs once it was asked for, outlives who asked, and is known to run", async () => {
  expect(await run("create")).toMatchObject({ code: 0, stdout: "", stderr: "" });
  expect(processName(pid())).toBe("duet-watch");
  expect((await run("facts")).stdout).toMatch(
    /^watcher: runs\nwhat it does: \w{16}\ncrash that the guest has survived: \n$/,
  );
});

it("is started again if it has died, and replaced if it is to do something else, once it has done what it was at", async () => {
  await run("create");
  const first = pid();
  process.kill(-first, "SIGKILL");
  await until(5000, () => processName(first) === undefined);
  expect((await run("facts")).stdout).toMatch(/^watcher: \n/);
  await run("create");
  const second = pid();
  await run("create", { text: watcher("true;") });
  expect(pid()).not.toBe(second);
  expect(processName(second)).toBeUndefined();
  expect(existsSync(at("calls"))).toBe(process.getuid?.() === 0);
});

it("that was killed leaves nothing of what it has started once another one runs", async () => {
  await run("create", { text: watcher("(while :; do sleep 1; done) &") });
  const first = pid();
  process.kill(first, "SIGKILL");
  expect(() => process.kill(-first, 0)).not.toThrow();
  await run("create");
  expect(await until(5000, () => processes(first).length === 0)).toBe(true);
});

it("that ends at once is an error, with what it said", async () => {
  const ran = await run("create", { text: "#!/bin/bash\necho 'no such guest' >&2\nexit 1\n" });
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain("cannot watch one for crashes: its watcher has ended: no such guest");
});

it("is a unit of systemd where there is one, and no process of the session that made it", async () => {
  const stubs = { "systemd-run": `echo "systemd-run $*" >>'${at("units").replaceAll("'", "'\\''")}'; exit 3` };
  const hasSystemd = existsSync("/run/systemd/system");
  const ran = await run("create", { unit: "duet-watch-one" }, stubs);
  expect(ran.code).toBe(hasSystemd ? 3 : 0);
  expect(existsSync(at("units"))).toBe(hasSystemd);
});

it("tells of each crash that a guest has survived, once, which is drift until then", async () => {
  await run("create");
  crash("2026-01-01", "panicked: gone");
  expect((await run("facts")).stdout).toMatch(/survived: \n$/);
  crash("2026-01-02", "reported: INFO: task dd:7 blocked");
  expect((await run("facts")).stdout).toContain(`survived: ${at("watch/reports/2026-01-02")} \n`);
  const said = (await run("create")).stderr;
  expect(said).toBe(
    `one panicked: gone; report: ${at("watch/reports/2026-01-01/report.txt")}\n` +
      `one reported: INFO: task dd:7 blocked; report: ${at("watch/reports/2026-01-02/report.txt")}\n`,
  );
  expect((await run("create")).stderr).toBe("");
  expect((await run("facts")).stdout).toMatch(/survived: \n$/);
});

it("goes with all that it has written, but for a folder of the user's own", async () => {
  await run("create");
  const last = pid();
  crash("2026-01-01", "panicked: gone");
  await run("delete");
  expect([processName(last), existsSync(at("watch"))]).toEqual([undefined, false]);
  await run("create", { reports: at("mine"), asked_for: at("mine") });
  await run("delete", { reports: at("mine"), asked_for: at("mine") });
  expect([existsSync(at("watch")), existsSync(at("mine"))]).toEqual([false, true]);
});

it("is waited for before a reset, by whoever is not root, as long as it writes", async () => {
  mkdirSync(at("watch"));
  const library = scriptText(import.meta.url, "report.sh", { guest: "one", ...places() });
  const wait = (writer: string) =>
    runLibrary(
      library,
      `sleep() { echo waits; rm -- "$watch/collecting"; }; echo ${writer} >"$watch/collecting"; await_report`,
    );
  expect((await wait("$$")).stdout).toBe("waits\n");
  expect((await wait("999999999")).stdout).toBe("");
});
