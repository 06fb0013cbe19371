import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { type Daemon, watchLibvirt } from "./watch.ts";

let home: string;
let daemons: readonly Daemon[];
let ours: (ChildProcess | Server | Socket)[];
beforeEach(() => {
  home = temporaryFolder("duet-watch-");
  daemons = ["libvirtd", "virtqemud"].map((name) => ({ file: join(home, `${name}.pid`), name }));
  ours = [];
});
afterEach(() => {
  for (const it of ours) {
    "kill" in it ? it.kill("SIGKILL") : "close" in it ? it.close() : it.destroy();
  }
});

/** A process with the name of a daemon, and its pid file. */
async function start(name = "libvirtd"): Promise<ChildProcess> {
  const program = join(home, name);
  rmSync(program, { force: true });
  symlinkSync("/bin/sleep", program);
  const child = spawn(program, ["60"], { stdio: "ignore" });
  ours.push(child);
  await once(child, "spawn");
  writeFileSync(`${program}.pid`, `${child.pid}\n`);
  return child;
}

/** As a daemon does that is asked to end, or that ends by itself. */
async function endInOrder(daemon: ChildProcess): Promise<void> {
  rmSync(`${daemon.spawnfile}.pid`);
  await kill(daemon);
}

async function kill(daemon: ChildProcess): Promise<void> {
  daemon.kill("SIGKILL");
  await once(daemon, "exit");
}

/** Somebody's connection to a socket of libvirt's name. */
async function connect(socket = "libvirt-sock"): Promise<{ end: () => Promise<unknown> }> {
  const path = join(home, "libvirt", socket);
  mkdirSync(join(home, "libvirt"), { recursive: true });
  const server = createServer().listen(path);
  await once(server, "listening");
  const connection = createConnection(path);
  ours.push(connection, server);
  const [[accepted]] = await Promise.all([once(server, "connection"), once(connection, "connect")]);
  accepted.resume();
  return {
    end: () => {
      connection.destroy();
      return once(accepted, "close");
    },
  };
}

it("a daemon that always runs is missed whenever it ends, or is another by now", async () => {
  const first = await start();
  const watch = watchLibvirt(daemons, "stays");
  expect(watch()).toBeUndefined();
  await kill(first);
  await start();
  expect(watch()).toContain(`libvirtd, pid ${first.pid}`);
});

it.each(["libvirt-sock", "virtqemud-sock"])(
  "one that ends when idle is missed if somebody is at its %s",
  async (socket) => {
    const daemon = await start("virtqemud");
    const watch = watchLibvirt(daemons, "ends when idle");
    await connect(socket);
    expect(watch()).toBeUndefined();
    await kill(daemon);
    expect(watch()).toContain(`virtqemud, pid ${daemon.pid}`);
  },
);

it("one that ends when idle is not missed if nobody is connected, and the next one is watched", async () => {
  const watch = watchLibvirt(daemons, "ends when idle");
  const idle = await start();
  const client = await connect();
  expect(watch()).toBeUndefined();
  await client.end();
  expect(watch()).toBeUndefined();
  await endInOrder(idle);
  expect(watch()).toBeUndefined();
  const next = await start();
  await connect("virtqemud-sock");
  expect(watch()).toBeUndefined();
  await endInOrder(next);
  expect(watch()).toContain(`libvirtd, pid ${next.pid}`);
});
