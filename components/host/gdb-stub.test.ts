import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runBash, type Stubs } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";
import { sh } from "../machine/shell.ts";

const call = async (words: string, stubs: Stubs = {}) =>
  (await runBash(`${scriptText(import.meta.url, "gdb-stub.sh", {})}\n${words}`, { stubs })).stdout;
const taken = (guest: string, port: number, stubs?: Stubs) =>
  call(sh`stub_taken ${`127.0.0.1:${port}`} ${guest}`.shell, stubs);

/** A `ss` that says that a process listens. */
const listener = (pid: number | undefined): Stubs => ({
  ss: `echo 'LISTEN 0 1 127.0.0.1:1234 0.0.0.0:* users:(("qemu",pid=${pid},fd=9),("qemu",pid=${pid},fd=10))'`,
});

describe("a port that is taken", () => {
  it("is said by the process that listens there, by name and pid", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      expect(await taken("duetdev", port)).toMatch(new RegExp(`^process ${process.pid} \\(.+\\)$`));
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    expect(await taken("duetdev", port)).toBe("");
  });

  it("is not taken by the QEMU of the guest itself, however long its command line", async () => {
    const long = Array.from({ length: 4000 }, (_, index) => `-device=${index}`);
    const words = ["-c", "read -r _", "-name", "guest=duetdev,debug-threads=on", ...long];
    const qemu = spawn("bash", words, { stdio: ["pipe", "ignore", "ignore"] });
    try {
      for (let round = 0; round < 5; round++) {
        expect(await taken("duetdev", 1234, listener(qemu.pid))).toBe("");
      }
      expect(await taken("duetdev2", 1234, listener(qemu.pid))).toBe(`process ${qemu.pid} (bash)`);
      expect(await taken("duet", 1234, listener(qemu.pid))).toBe(`process ${qemu.pid} (bash)`);
    } finally {
      qemu.stdin?.end();
      await new Promise((resolve) => qemu.once("exit", resolve));
    }
  });
});

describe("a debugger that is attached", () => {
  it("is said by name and pid, and is nobody if nobody is", async () => {
    const ss = `case "$*" in *'established dport = :1234'*) echo 'ESTAB 0 0 [::1]:5 [::1]:1234 users:(("gdb",pid=77,fd=3))';; esac`;
    expect(await call("attached 127.0.0.1:1234", { ss })).toBe("gdb (pid 77)\n");
    expect(await call("attached 127.0.0.1:1235", { ss })).toBe("");
    // A guest that has never come up whole has no stub yet.
    expect(await call("attached ''", { ss: ss.replace(":1234", ":") })).toBe("");
  });

  it("is said without a name if it is a process of another user, which only root sees", async () => {
    const ss = "echo 'ESTAB 0 0 127.0.0.1:5 127.0.0.1:1234'";
    expect(await call("attached 127.0.0.1:1234", { ss })).toBe("a debugger of another user\n");
  });

  it("is found at a socket too, and not for a socket beside it", async () => {
    const socket = join(temporaryFolder("stub-"), "vm.sock");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    expect(await call(sh`listeners ${socket} | wc -l; attached ${socket}`.shell)).toBe("1\n");
    const client = connect(socket);
    await once(client, "connect");
    try {
      expect(await call(sh`attached ${socket}`.shell)).toMatch(new RegExp(`^.+ \\(pid ${process.pid}\\)\n$`));
      expect(await call(sh`attached ${`${socket}2`}`.shell)).toBe("");
    } finally {
      client.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
