import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { lastLine, runStep, type Stubs, type Verb, without } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script-text.ts";
import { ganeshaValues } from "./nfs-share.ts";

const share = { directory: "/media/data/duet", address: "192.168.150.1", clients: ["192.168.150.10", "fd00::11"] };

let state: string;
const inFolder = (name: string) => join(state, "nfs", name);
const pid = () => readFileSync(inFolder("ganesha.pid"), "utf8").trim();
/** Whether a process runs: one that has ended, and for which nobody has waited, has no words any more. */
const runs = (pid: string) => existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
beforeEach(() => {
  state = temporaryFolder("ganesha-");
});

/**
 * A server that does nothing until it is ended, for a minute at most.
 *
 * @param elsewhere bash which says whether the server listens on other addresses than the one asked for
 */
const stubs = (elsewhere = "false"): Stubs => ({
  "ganesha.nfsd": `setsid bash -c 'for _ in {1..600}; do sleep 0.1; done' "$@" & echo "$!" >"$4"`,
  ss: `pid=$(cat '${inFolder("ganesha.pid")}' 2>/dev/null) && kill -0 "$pid" || exit 0
case "$*" in *'src 192.168.150.1 '*) if ${elsewhere}; then exit; fi ;; esac
echo "LISTEN 0 64 192.168.150.1:2049 0.0.0.0:* users:(("ganesha.nfsd",pid=$pid,fd=7))"`,
});
const run = (verbs: Verb | readonly Verb[], known: Stubs = stubs(), clients = share.clients, before = ":") =>
  runStep(scriptText(import.meta.url, "nfs-ganesha.sh", ganeshaValues({ ...share, clients }, state)), verbs, {
    stubs: known,
    before,
  });

describe("nfs-ganesha", () => {
  it("is started once, and again for other clients, and is ended with all that it has", async () => {
    expect(await run("create")).toMatchObject({ code: 0, stdout: "192.168.150.1:/media/data/duet\n", stderr: "" });
    const first = pid();
    expect((await run("create")).code).toBe(0);
    expect([pid(), runs(first)]).toEqual([first, true]);
    expect((await run("create", stubs(), ["192.168.150.12"])).code).toBe(0);
    const second = pid();
    expect([runs(first), runs(second)]).toEqual([false, true]);
    expect(readFileSync(inFolder("ganesha.conf"), "utf8")).toContain("Clients = 192.168.150.12;");
    expect((await run(["delete", "delete"])).code).toBe(0);
    expect([runs(second), existsSync(join(state, "nfs"))]).toEqual([false, false]);
  });

  it("is started again after it has died", async () => {
    await run("create");
    process.kill(Number(pid()), "SIGKILL");
    expect((await run("facts")).stdout).toMatch(/^NFS server: none$/m);
    expect((await run("create")).code).toBe(0);
    expect(runs(pid())).toBe(true);
    await run("delete");
  });

  it("states its facts", async () => {
    const { stdout } = await run(["create", "facts", "delete"]);
    expect(stdout).toMatch(/^NFS server: nfs-ganesha$/m);
    expect(stdout).toMatch(/^NFS listens on: 192\.168\.150\.1:2049 $/m);
    expect(stdout).toMatch(/^NFS exports: [0-9a-f]{16}$/m);
  });

  it("states nothing of other stacks' servers, which come and go at addresses of their own", async () => {
    await run("create");
    const alone = (await run("facts")).stdout;
    const line = (address: string) => `echo 'LISTEN 0 64 [::ffff:${address}]:2049 *:*'`;
    const ss = `${line("192.168.150.1")}; ${line("192.168.151.1")}; ${line("192.168.150.10")}`;
    expect((await run("facts", { ...stubs(), ss })).stdout).toBe(alone);
    const everywhere = "echo 'LISTEN 0 64 [::]:2049 [::]:*'";
    expect((await run("facts", { ...stubs(), ss: everywhere })).stdout).toMatch(/^NFS listens on: \[::\]:2049 $/m);
    await run("delete");
  });

  it("is not started if another process has the port, which is named", async () => {
    const ss = `echo 'LISTEN 0 64 192.168.150.1:2049 0.0.0.0:* users:(("nc",pid=77,fd=3))'`;
    const ran = await run("create", { ...stubs(), ss });
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^cannot serve \S+ on port 2049 of 192\.168\.150\.1: .*"nc",pid=77.*; /);
    expect(existsSync(inFolder("ganesha.pid"))).toBe(false);
  });

  it("is ended if it came up on other addresses than its own", async () => {
    const noted = `tee '${inFolder("seen")}' >"$4"`;
    const nfsd = stubs()["ganesha.nfsd"]?.replace('>"$4"', `| ${noted}`) ?? "";
    const ran = await run("create", { ...stubs("true"), "ganesha.nfsd": nfsd });
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^cannot serve \S+ on 192\.168\.150\.1 alone: .*IPv6/);
    expect(runs(readFileSync(inFolder("seen"), "utf8").trim())).toBe(false);
  });

  it("says the end of its log if it does not come up", async () => {
    const nfsd = `echo 'Cannot bind' >"$6"`;
    const ran = await run("create", { ...stubs(), "ganesha.nfsd": nfsd, sleep: ":" });
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^cannot serve \S+ on 192\.168\.150\.1:2049: .*: Cannot bind$/);
  });

  it("is ended alone by its own folder: a stale pid is somebody else's", async () => {
    mkdirSync(join(state, "nfs"));
    writeFileSync(inFolder("ganesha.pid"), String(process.pid));
    expect(await run(["delete", "delete"])).toMatchObject({ code: 0, stderr: "" });
    expect(existsSync(join(state, "nfs"))).toBe(false);
  });

  it("is named if it is not installed", async () => {
    const ran = await run("create", {}, share.clients, without("ganesha.nfsd"));
    expect(lastLine(ran)).toMatch(/^cannot serve .*nfs-ganesha is not installed/);
  });
});
