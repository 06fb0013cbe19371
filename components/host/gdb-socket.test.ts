import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, given, localHost, localStep, settled } from "../../test/support/mocks.ts";
import { lastLine, runStep, type Stubs, type Verb } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";
import { GdbSocket } from "./gdb-socket.ts";

/** Nobody's account is taken for QEMU's, and two numbers for the developer and somebody else. */
const [qemu, developer, other] = [65534, 1234, 1235];
const isRoot = process.getuid?.() === 0;

let folder: string;
let socket: string;
beforeEach(() => {
  folder = temporaryFolder("socket-");
  chmodSync(folder, 0o755);
  socket = join(folder, "stubs/89abcdef/duetdev.sock");
  writeFileSync(join(folder, "qemu.conf"), '#user = "root"\nuser = "nobody"\n');
});

const run = (verbs: Verb | readonly Verb[], stubs: Stubs = {}) => {
  const values = { socket, uid: developer, configuration: join(folder, "qemu.conf") };
  return runStep(scriptText(import.meta.url, "gdb-socket.sh", values), verbs, { stubs });
};

/** Node, as somebody. It says "listens" or "connected", or ends with the code of what was refused. */
function as(uid: number, program: string) {
  const words = ["--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups", process.execPath, "-e", program];
  return spawn("setpriv", words, { stdio: ["ignore", "pipe", "ignore"] });
}

async function connects(uid: number): Promise<string> {
  const child = as(
    uid,
    `require("net").connect(${JSON.stringify(socket)})
      .on("connect", function () { console.log("connected"); this.end(); })
      .on("error", ({ code }) => console.log(code))`,
  );
  const [said] = await once(child.stdout, "data");
  return String(said).trim();
}

describe.runIf(isRoot)("the folder of a gdb socket", () => {
  it("lets QEMU make the socket, and the developer reach it, and nobody else", async () => {
    const ran = await run("create");
    expect(ran).toMatchObject({ code: 0, stdout: `${socket}\n` });
    // As libvirt starts QEMU.
    const server = as(
      qemu,
      `process.umask(0o002); require("net").createServer().listen(${JSON.stringify(socket)},
      () => console.log("listens"))`,
    );
    try {
      expect(String((await once(server.stdout, "data"))[0])).toBe("listens\n");
      expect([await connects(developer), await connects(other)]).toEqual(["connected", "EACCES"]);
    } finally {
      server.kill();
    }
  });

  it("has its rights as a fact, and is given back with what is in it", async () => {
    const before = (await run(["create", "facts"])).stdout;
    expect(before).toContain(`user:${developer}:rwx`);
    writeFileSync(socket, "");
    chmodSync(join(folder, "stubs/89abcdef"), 0o755);
    expect((await run("facts")).stdout).not.toBe(before.split("\n").slice(1).join("\n"));
    expect(await run("delete")).toMatchObject({ code: 0, stderr: "" });
    expect(existsSync(join(folder, "stubs/89abcdef"))).toBe(false);
  });

  it("is not made if nobody is there as whom QEMU would run", async () => {
    const id = 'case "$*" in "-u -- "*) exit 1 ;; *) exec /usr/bin/id "$@" ;; esac';
    const ran = await run("create", { id });
    expect([ran.code, lastLine(ran)]).toEqual([1, expect.stringMatching(/^cannot tell whom libvirt runs QEMU as: /)]);
  });
});

describe("GdbSocket", () => {
  it("is a path for gdb and a device for QEMU, in the stack's folder", async () => {
    const deployment = await deploy(() => new GdbSocket("vm-gdb-socket", { host: localHost(), guest: "vm" }), {
      "vm-gdb-socket": "/stubs/vm.sock",
    });
    expect((await settled(deployment.value.stub)).value).toBe("/stubs/vm.sock");
    expect((await settled(deployment.value.device)).value).toBe("unix:/stubs/vm.sock,server=on,wait=off");
    expect(given(localStep(deployment, "vm-gdb-socket"), "socket")).toBe("/stubs/vm.sock");
  });
});
