import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { processName } from "../../sandbox/processes.ts";
import { writeProgram } from "../../test/support/run-script.ts";
import {
  at,
  beginGuest,
  calls,
  crash,
  environment,
  host,
  lastReport,
  once,
  oops,
  reports,
  text,
  watcher,
} from "../../test/support/watched-guest.ts";

vi.setConfig({ testTimeout: 60_000 });

/** Has it write down what there is. @returns what it said */
const collect = async (change: Readonly<Record<string, string | number>> = {}) => (await once("collect", change)).said;

beforeEach(beginGuest);

describe("what is written down of a guest", () => {
  it("is nothing while it runs", async () => {
    expect(await collect()).toBe("");
    expect([reports(), calls()]).toEqual([[], ""]);
  });

  it("that has panicked is a line, a report, a page, its memory, and what the memory is read by", async () => {
    crash(oops());
    expect(await collect()).toBe("");
    expect(calls()).toContain("dump --memory-only --format kdump-zlib\n");
    const [name = ""] = reports();
    expect(readdirSync(at("reports", name)).sort()).toEqual([
      "core",
      "core.gdb",
      "core.py",
      "dmesg",
      "duet.ko",
      "gdb.sh",
      "memory.kdump",
      "report.html",
      "report.txt",
      "story",
      "vmlinux",
    ]);
    const story =
      "panicked: BUG: kernel NULL pointer dereference, address: 0000000000000000; at duet_tick+0x5/0x10 [duet]";
    expect(lastReport("story")).toBe(`${story}\n`);
    const report = lastReport();
    expect(report).toMatch(new RegExp(`^# o'dev ${story.replaceAll(/[+[\]]/g, "\\$&")}\n`));
    for (const part of [
      "    [   12.5] RIP: 0010:duet_tick+0x5/0x10 [duet]\n",
      "    dd, pid 241\n",
      "/drgn/bin/drgn",
      "crash ",
      "/it/is.gdb.sh, which reads the guest itself",
      '    { "host": "<b>" }\n',
      "build/vmlinux: build ",
    ]) {
      expect(report).toContain(part);
    }
    expect(lastReport("report.html")).toContain('{ "host": "&lt;b&gt;" }');
  });

  it("is written down once, and again of another boot", async () => {
    crash(oops());
    await collect();
    await collect();
    expect(reports()).toHaveLength(1);
    writeFileSync(at("state"), "running\n");
    await collect();
    expect(reports()).toHaveLength(1);
    crash(oops(80.1));
    await collect();
    expect(reports()).toHaveLength(2);
  });

  it("that goes on says so, and not again for the same words", async () => {
    const hung = (seconds: number, task: number) =>
      crash(`[ ${seconds}.1] INFO: task dd:${task} blocked for more than ${seconds} seconds.\n`, "running");
    hung(120, 77);
    await collect();
    expect(lastReport("story")).toMatch(/^reported: INFO: task dd:77 blocked/);
    expect(lastReport()).toContain("    dd, pid 77\n");
    expect(lastReport()).not.toContain("while it stays");
    hung(240, 78);
    await collect();
    expect(reports()).toHaveLength(1);
    crash("[ 250.1] BUG: KASAN: use-after-free in duet_tick+0x5/0x10 [duet]\n", "running");
    await collect();
    expect(reports()).toHaveLength(2);
  });

  it("is without its memory, and says why, if the disk has no room, or has none any more, or none was asked for", async () => {
    host({ free: 1000 });
    crash(oops());
    await collect();
    expect(lastReport()).toMatch(/There is no dump: 0 MiB are free at .*, and it may take 1024 MiB; free some\.\n/);
    host({ fails: true });
    crash(oops(20));
    await collect();
    expect(lastReport()).toContain("There is no dump: libvirt says: error: Failed to core dump domain: No space left");
    host();
    crash(oops(30));
    await collect({ dumps: 0 });
    expect(lastReport()).toContain("There is no dump: duet:host.crashes asks for none.");
    expect(reports().flatMap((name) => readdirSync(at("reports", name)))).not.toContain("memory.kdump");
  });

  it("has what the console said if drgn is not there, or fails", async () => {
    rmSync(at("drgn"), { recursive: true });
    crash(oops());
    await collect();
    expect(lastReport()).toContain("cannot be read: drgn is not there; run pulumi up");
    expect(lastReport()).toContain("RIP: 0010:duet_tick");
    host();
    writeProgram(at("mounted/bin/python"), "echo Traceback >&2; echo 'ValueError: no VMCOREINFO' >&2; exit 1");
    crash(oops(20));
    await collect();
    expect(lastReport()).toContain("cannot be read: drgn says: ValueError: no VMCOREINFO");
  });

  it("has the memory of the last crashes only, as many and as much as was asked for", async () => {
    for (const name of ["2020-01-01T00-00-00", "2020-01-01T00-00-01", "2020-01-01T00-00-02"]) {
      mkdirSync(at("reports", name));
      writeFileSync(at("reports", name, "memory.kdump"), "old");
      writeFileSync(at("reports", name, "report.txt"), "old");
    }
    crash(oops());
    await collect();
    const dumps = () => reports().filter((name) => existsSync(at("reports", name, "memory.kdump")));
    expect(dumps()).toEqual(reports().slice(-2));
    expect(reports()).toHaveLength(4);
    crash(oops(20));
    await collect({ space: 0 });
    expect(dumps()).toEqual([]);
  });

  it("is followed by a reset if the guest is wanted back at once", async () => {
    crash(oops());
    await collect({ after: "reset" });
    expect(calls()).toMatch(/reset o'dev\nresume o'dev\n$/);
    crash("[ 20.1] BUG: KASAN: use-after-free in duet_tick+0x5/0x10 [duet]\n", "running");
    await collect({ after: "reset" });
    expect(calls().match(/reset/g)).toHaveLength(1);
  });
});

describe("a watcher", () => {
  const running: number[] = [];
  const start = async () => {
    const child = spawn(watcher(), ["watch"], { env: environment(), stdio: "ignore", detached: true });
    running.push(child.pid ?? 0);
    await vi.waitFor(() => expect(text("watch/pid")).toBe(`${child.pid}\n`), 10_000);
    return child.pid ?? 0;
  };
  afterEach(() => {
    for (const pid of running.splice(0).filter(processName)) {
      process.kill(-pid, "SIGKILL");
    }
  });

  it("is known by its name, sees a crash on the console, and not one of before it looked", async () => {
    crash("[ 2.1] BUG: an old one\n", "running");
    const pid = await start();
    expect(processName(pid)).toBe("duet-watch");
    await vi.waitFor(() => expect(text("watch/last")).toContain("an old one"), 10_000);
    // Its eyes are open once it has looked.
    await new Promise((resolve) => setTimeout(resolve, 4000));
    expect(reports()).toEqual([]);
    crash(oops());
    await vi.waitFor(() => expect(reports()).toHaveLength(1), 30_000);
    expect(lastReport("story")).toMatch(/^panicked: BUG: kernel NULL/);
  });

  it("sees the panic that came while nobody watched", async () => {
    writeFileSync(at("watch/last"), "something else\n0\n");
    crash(oops());
    await start();
    await vi.waitFor(() => expect(reports()).toHaveLength(1), 30_000);
  });

  it("ends with all that it has started", async () => {
    const pid = await start();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    process.kill(pid, "SIGTERM");
    await vi.waitFor(() => expect(() => process.kill(-pid, 0)).toThrow(), 10_000);
  });
});
