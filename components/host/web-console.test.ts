import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deploy, given, localHost, localStep, settled } from "../../test/support/mocks.ts";
import { lastLine, runBash, runStep, type Stubs, type Verb, writeProgram } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";
import { WebConsole } from "./web-console.ts";

let root: string;
const at = (...names: readonly string[]) => join(root, ...names);
beforeEach(() => {
  root = temporaryFolder("console-");
});

describe("a login of the web console", () => {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const framed = (text: string) => `${text.length + 1}\n\n${text}`;
  const answer = (credentials: string, scheme = "Basic") =>
    framed(JSON.stringify({ command: "authorize", cookie: "duet", response: `${scheme} ${base64(credentials)}` }));
  const asked = framed('{"command":"authorize","cookie":"duet","challenge":"*"}');
  const refused = framed('{"command":"init","version":1,"problem":"authentication-failed"}');

  /** What comes of what cockpit-ws says to it. */
  const login = (said: string) => {
    writeFileSync(at("password"), "it's a secret\n");
    const text = scriptText(import.meta.url, "web-console-session.sh", { password: at("password"), bus: at("bus") });
    writeFileSync(at("session.sh"), text);
    return runBash(`exec bash '${at("session.sh")}'`, {
      stdin: said,
      stubs: {
        "dbus-run-session": `echo "$1"; shift 2; DBUS_SESSION_BUS_ADDRESS=unix:path=/b exec "$@"`,
        unshare: `[ "$1" = --mount ] && shift; exec "$@"`,
        mount: ":",
        "cockpit-bridge": `echo "bridge on $DBUS_SYSTEM_BUS_ADDRESS"; cat`,
      },
    });
  };

  it("is a bridge on a bus of its own for who has the password, which reads what comes after it", async () => {
    const ran = await login(`${answer("root:it's a secret")}5\n\nmore`);
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    expect(ran.stdout).toBe(`${asked}--config-file=${at("bus")}\nbridge on unix:path=/b\n5\n\nmore`);
  });

  it.each([
    ["another password", answer("root:it's a secre")],
    ["no password", answer("root:")],
    ["nothing", answer("")],
    ["another account", answer("daemon:it's a secret")],
    ["a line more", answer("root:it's a secret\nx")],
    ["another scheme", answer("root:it's a secret", "Bearer")],
    ["no frame", "root:it's a secret"],
    ["a frame of no length", `\n\n${answer("root:it's a secret")}`],
    ["a frame that is too long", `100000\n\n${"x".repeat(100_000)}`],
    ["an arithmetic of the shell's", `a[$(id>&2)]\n\n${answer("root:it's a secret")}`],
    ["an end", ""],
  ])("is nothing for %s", async (_, said) => {
    expect(await login(said)).toMatchObject({ code: 0, stdout: asked + refused });
  });
});

describe("the web console of the embedded host", () => {
  /** Serves what cockpit-ws does, and waits for a minute at most. */
  const server = `port=\${*: -1} exec perl -e 'use IO::Socket::INET; alarm 60;
my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ENV{port} =~ s/.*=//r, Listen => 5, ReuseAddr => 1) or die;
while (my $c = $s->accept) { while (<$c>) { last if /^\\r$/ } print $c "HTTP/1.1 200 OK\\r\\n\\r\\n{ \\"service\\": \\"cockpit\\" }"; close $c }'`;
  const stubs: Stubs = {
    nsenter: `while [ "\${1#--}" != "$1" ]; do shift; done; exec "$@"`,
    setpriv: `while [ "\${1#--}" != "$1" ]; do shift; done; exec "$@"`,
    ss: ":",
    "systemd-socket-activate": `path=$(printf '%s\\n' "$@" | sed -n 's/^--listen=//p') exec perl -e 'use IO::Socket::UNIX;
my $s = IO::Socket::UNIX->new(Local => $ENV{path}, Listen => 1) or die; alarm 60; sleep 60'`,
  };
  let ports: readonly number[];
  const values = () => ({
    state: at("state"),
    run: at("run"),
    folder: at("run/console/one"),
    place: at("run/console/one"),
    ports,
    namespace: "/proc/self/ns/net",
    server: at("cockpit-ws"),
    account: String(process.getuid?.()),
    configuration: "[Basic]\n",
    banner: "Log in.",
    session: "exit",
    bus: "<busconfig/>\n",
    service: "[D-BUS Service]\n",
    leases: at("leases"),
    owner: "dev",
  });
  const run = (verbs: Verb | readonly Verb[], known: Stubs = {}, other: object = {}) =>
    runStep(scriptText(import.meta.url, "web-console.sh", { ...values(), ...other }), verbs, {
      stubs: { ...stubs, ...known },
    });
  const pid = (name: string) => Number(readFileSync(at(`state/${name}.pid`), "utf8"));
  const runs = (pid: number) => existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  const password = () => readFileSync(at("state/password"), "utf8").trim();

  beforeEach(async () => {
    writeProgram(at("cockpit-ws"), server, "/bin/bash");
    mkdirSync(at("run"));
    writeFileSync(at("run/libvirtd.pid"), `${process.pid}\n`);
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
    ports = [(probe.address() as AddressInfo).port];
    await new Promise((resolve) => probe.close(resolve));
  });
  afterEach(() => run("delete"));

  it("answers, hands on its port and a password that nobody else can read, and goes with all that it has", async () => {
    const ran = await run("create");
    expect(ran).toMatchObject({ code: 0, stderr: "", stdout: `port: ${ports[0]}\npassword: ${password()}\n` });
    expect(password()).toMatch(/^[\w-]{24}$/);
    expect(statSync(at("state/password")).mode & 0o777).toBe(0o600);
    expect(statSync(at("state")).mode & 0o777).toBe(0o700);
    const words = ["server", "login"].map((name) => readFileSync(`/proc/${pid(name)}/cmdline`, "utf8"));
    const files = readdirSync(at("run/console/one"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
    expect(files.length).toBe(5);
    expect([...words, ...files].join("\n")).not.toContain(password());
    const pids = [pid("server"), pid("login")];
    expect((await run(["delete", "delete"])).code).toBe(0);
    expect(pids.map(runs)).toEqual([false, false]);
    expect(readdirSync(root).sort()).toEqual(["cockpit-ws", "run"]);
    expect(readdirSync(at("run"))).toEqual(["libvirtd.pid"]);
  });

  it("stays as it is while nothing has changed, and keeps its password when it is started again", async () => {
    await run("create");
    const [first, secret] = [pid("server"), password()];
    await run("create");
    expect(pid("server")).toBe(first);
    await run("create", {}, { configuration: "[Basic]\nother\n" });
    expect([runs(first), runs(pid("server")), password()]).toEqual([false, true, secret]);
  });

  it.each(["server", "login"])("says that its %s is gone, and has it again", async (name) => {
    await run("create");
    const whole = (await run("facts")).stdout;
    expect(whole).toMatch(/^web console: answers$/m);
    process.kill(-pid(name), "SIGKILL");
    const fact = name === "server" ? "web console" : "web console login";
    expect((await run("facts")).stdout).toMatch(new RegExp(`^${fact}: none$`, "m"));
    await run("create");
    expect((await run("facts")).stdout).toBe(whole);
  });

  it("comes back with the same password after /run was emptied", async () => {
    await run("create");
    const secret = password();
    process.kill(-pid("server"), "SIGKILL");
    process.kill(-pid("login"), "SIGKILL");
    rmSync(at("run/console"), { recursive: true });
    expect((await run("create")).stdout).toBe(`port: ${ports[0]}\npassword: ${secret}\n`);
  });

  it("is not started where its port is taken: who has it is named", async () => {
    const ss = `echo 'LISTEN 0 1 127.0.0.1:9090 0.0.0.0:* users:(("nc",pid=${process.pid},fd=9))'`;
    const ran = await run("create", { ss });
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(
      new RegExp(
        `^cannot lease port of the web console ${ports[0]} for dev: process ${process.pid} \\(.+\\) uses it; `,
      ),
    );
    expect(existsSync(at("state"))).toBe(false);
  });

  it("takes the next port, and says why", async () => {
    const [free = 0] = ports;
    ports = [1, free];
    const ss = `case "$*" in *':1') echo 'LISTEN 0 1 *:1 *:* users:(("nc",pid=${process.pid},fd=9))' ;; esac`;
    const ran = await run("create", { ss });
    expect(ran.stdout).toMatch(new RegExp(`^port: ${free}$`, "m"));
    expect(ran.stderr).toMatch(new RegExp(`^port 1 is not free for the web console: process ${process.pid} `));
  });

  it("says the end of its log, and leaves no process, if it does not come up", async () => {
    writeProgram(at("cockpit-ws"), "echo 'no such thing' >&2; exec sleep 60");
    const ran = await run("create", { sleep: "exec /usr/bin/sleep 0.01" });
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(/^cannot open the web console: cockpit-ws does not answer on .*: no such thing$/);
    expect(readdirSync(at("state")).filter((name) => name.endsWith(".pid"))).toEqual([]);
  });

  it("says what lacks", async () => {
    rmSync(at("run/libvirtd.pid"));
    expect(lastLine(await run("create"))).toMatch(/libvirtd of the embedded host does not run; /);
    rmSync(at("cockpit-ws"));
    expect(lastLine(await run("create"))).toMatch(/cockpit-ws is not installed; /);
  });
});

describe("WebConsole", () => {
  const login = "dev@host";
  const opened = (sandboxRun: string | undefined, printed: string) =>
    deploy(() => new WebConsole("web-console", { host: localHost(), sandboxRun, login }), { "web-console": printed });

  it("is an address, a line that forwards it and a secret, on the embedded host", async () => {
    const deployment = await opened("/run/duet/run", "port: 9091\npassword: s3cret");
    const { address, user, password, forwardCommand } = deployment.value.access;
    expect(await settled(address)).toEqual({ value: "http://127.0.0.1:9091", secret: false });
    expect(await settled(forwardCommand)).toEqual({
      value: "ssh -f -N -L 9091:127.0.0.1:9091 dev@host",
      secret: false,
    });
    expect([user, await settled(password!)]).toEqual(["root", { value: "s3cret", secret: true }]);
    const step = localStep(deployment, "web-console");
    expect(step.secretOutputs).toEqual(["stdout", "stderr"]);
    expect(step.inputs.logging).toBe("none");
    const place = given(step, "place") ?? "";
    expect(place).toMatch(/^\/run\/web-console\/[0-9a-f]{8}$/);
    expect(given(step, "folder")).toBe(`/run/duet/run${place}`.replace("run/run", "run"));
    expect(given(step, "ports")).toMatch(/^\(9090 9091 /);
  });

  it("is the login of the host, on a workstation", async () => {
    const { value } = await opened(undefined, "address: http://127.0.0.1:9090");
    expect(await settled(value.access.address)).toEqual({ value: "http://127.0.0.1:9090", secret: false });
    expect([value.access.user, value.access.password]).toEqual(["dev", undefined]);
    expect((await settled(value.access.forwardCommand)).value).toBe("ssh -f -N -L 9090:127.0.0.1:9090 dev@host");
  });
});
