import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { deploy, given, localHost, localStep, settled } from "../../test/support/mocks.ts";
import { lastLine, runStep } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";
import { GdbPort } from "./gdb-port.ts";

describe("the lease of a gdb port", () => {
  const script = (ports: readonly number[], leases: string) =>
    scriptText(import.meta.url, "gdb-port.sh", { leases, owner: "dev/vm", guest: "vm", ports });

  it("names the process that listens there, if it has no other choice", async () => {
    const ss = `echo 'LISTEN 0 1 127.0.0.1:1234 0.0.0.0:* users:(("nc",pid=${process.pid},fd=9))'`;
    const ran = await runStep(script([1234], join(temporaryFolder("ports-"), "p")), "create", { stubs: { ss } });
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(new RegExp(`^cannot lease gdb port 1234 for dev/vm: process ${process.pid} `));
  });

  it("is a fact, and is given back", async () => {
    const leases = join(temporaryFolder("ports-"), "it's ports");
    const stubs = { ss: ":" };
    const ran = await runStep(script([1240, 1241], leases), ["create", "facts", "delete", "facts"], { stubs });
    expect(ran).toMatchObject({ code: 0, stdout: "1240\ngdb port: 1240\n", stderr: "" });
  });
});

describe("GdbPort", () => {
  const deployed = (port?: number) =>
    deploy(() => new GdbPort("vm-gdb-port", { host: localHost(), guest: "vm", port }), { "vm-gdb-port": "1235" });

  it("is a number, which was leased for the guest of that stack", async () => {
    const deployment = await deployed();
    expect(await settled(deployment.value.port)).toEqual({ value: 1235, secret: false });
    const step = localStep(deployment, "vm-gdb-port");
    expect(given(step, "owner")).toBe("dev/vm");
    expect(given(step, "ports")).toMatch(/^\(1234 1235 [\d ]* 1333\)$/);
    expect(deployment.resource("duet:host:GdbPort", "vm-gdb-port").outputs).toEqual({ port: 1235 });
  });

  it("is the one that was asked for, or an error", async () => {
    expect(given(localStep(await deployed(4321), "vm-gdb-port"), "ports")).toBe("(4321)");
  });
});
