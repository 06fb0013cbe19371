import { spawn } from "node:child_process";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { deploy, localMachine, localStep, scriptOf, settled } from "../../test/mocks.ts";
import { lastLine, runScript, type Stubs } from "../../test/run-script.ts";
import { temporaryFolder } from "../../test/temporary-folder.ts";
import { lines, sh } from "../machine/shell.ts";
import { GdbPort, portTaken } from "./gdb-port.ts";
import { claimScript } from "./lease.ts";

const taken = async (domain: string, port: number, stubs: Stubs = {}) =>
  (await runScript(lines(portTaken(domain), sh`taken ${port}`), stubs)).stdout;

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

  it("is not taken by the QEMU of the domain itself, however long its command line", async () => {
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

  it("is said in the error of a lease that has no other choice", async () => {
    const root = temporaryFolder("ports-");
    const lease = { folder: join(root, "p"), owner: "dev/vm", candidates: [1234], what: "gdb port" };
    const ran = await runScript(claimScript({ ...lease, taken: portTaken("vm") }), listener(process.pid));
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(
      /^gdb port 1234 was asked for dev\/vm, and process \d+ \(.+\) uses it: choose another/,
    );
  });
});

describe("GdbPort", () => {
  const deployed = (port?: number) =>
    deploy(
      () =>
        new GdbPort("vm-gdb-port", {
          host: localMachine(),
          leases: "/leases",
          stack: "dev",
          domain: "vm",
          ...(port === undefined ? {} : { port }),
        }),
      { "vm-gdb-port": "1235" },
    );

  it("is a number, which was leased for the domain of that stack", async () => {
    const deployment = await deployed();
    expect(await settled(deployment.value.port)).toEqual({ value: 1235, secret: false });
    const step = localStep(deployment, "vm-gdb-port");
    expect(scriptOf(step).script).toContain("dev/vm");
    expect(scriptOf(step).script).toMatch(/ 1234 1235 [\d ]* 1333; do$/m);
    expect(step.inputs.delete).toContain("dev/vm");
    expect(deployment.resource("duet:host:GdbPort", "vm-gdb-port").outputs).toEqual({ port: 1235 });
  });

  it("is the one that was asked for, or an error", async () => {
    const { script } = scriptOf(localStep(await deployed(4321), "vm-gdb-port"));
    expect(script).toMatch(/\) 4321; do$/m);
    expect(script).not.toContain("1234");
  });
});
