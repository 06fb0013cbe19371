import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { lastLine, runStep, type Verb } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";

/** A workstation: what is installed, the state of cockpit.socket, and what was done, in files. */
let root: string;
const at = (name: string) => join(root, name);
const dropIn = () => at("system/cockpit.socket.d/duet.conf");
const read = (name: string) => (existsSync(at(name)) ? readFileSync(at(name), "utf8") : "");
beforeEach(() => {
  root = temporaryFolder("console-");
});

/** systemd, as far as it is asked: the package has the socket listen everywhere, unless something restricts it. */
const systemctl = () => `cd '${root}'; echo "systemctl $*" >>calls; quiet=$1; [ "$1" != -q ] || shift
case "$1" in
  is-enabled) [ -e enabled ] ;;
  is-active) [ -e active ] ;;
  enable) : >enabled; case "$*" in *--now*) : >active ;; esac ;;
  restart) [ -e "${at("broken")}" ] && exit 1; : >active ;;
  disable) rm -f enabled active ;;
  show) sed -n 's/^ListenStream=\\(..*\\)/\\1 (Stream)/p' '${dropIn()}' 2>/dev/null | grep . || cat listens ;;
  status) echo 'Active: failed' ;;
esac`;
const stubs = () => ({
  systemctl: systemctl(),
  ss: `cat '${at("users")}' 2>/dev/null || true`,
  "dpkg-query": `sed 's/$/ installed/' '${at("packages")}' 2>/dev/null || true`,
  dpkg: ":",
  "apt-get": `cd '${root}'; echo "apt-get, restricted: $([ -e '${dropIn()}' ] && echo yes || echo no)" >>calls
printf 'cockpit\\ncockpit-machines\\n' >packages; [ -e enabled ] || { : >enabled; [ -e broken ] || : >active; }; [ -e listens ] || echo '[::]:9090 (Stream)' >listens`,
});
const run = (verbs: Verb | readonly Verb[], owner = "dev of eve", systemd = "mkdir -p /run/systemd/system") =>
  runStep(
    scriptText(import.meta.url, "web-console-socket.sh", {
      packages: ["cockpit", "cockpit-machines"],
      drop_in: dropIn(),
      certificates: at("certificates"),
      port: 9090,
      leases: at("leases/web-console"),
      owner,
      fetch_namespace: undefined,
    }),
    verbs,
    {
      stubs: stubs(),
      enter: ["unshare", "--mount"],
      before: `mount -t tmpfs tmpfs /run; ${systemd}`,
    },
  );

describe("the web console of a workstation", () => {
  it("is restricted to loopback before it is installed, and is off again once nobody needs it", async () => {
    expect(await run("create")).toMatchObject({ code: 0, stdout: "address: http://127.0.0.1:9090\n" });
    expect(read("calls")).toMatch(/^apt-get, restricted: yes$/m);
    expect(readFileSync(dropIn(), "utf8")).toMatch(/^ListenStream=\nListenStream=127\.0\.0\.1:9090\n$/m);
    const facts = (await run("facts")).stdout;
    expect(facts).toMatch(/^web console listens on: 127\.0\.0\.1:9090 $/m);
    expect(facts).not.toContain("note:");
    expect((await run(["delete", "delete"])).code).toBe(0);
    expect([existsSync(dirname(dropIn())), existsSync(at("leases")), existsSync(at("active"))]).toEqual([
      false,
      true,
      false,
    ]);
    expect(existsSync(at("enabled"))).toBe(false);
    expect(await run("create")).toMatchObject({ code: 0, stdout: "address: http://127.0.0.1:9090\n" });
  });

  it("takes back the certificate that Cockpit has made for itself since, and no other", async () => {
    mkdirSync(at("certificates"));
    const old = new Date(Date.now() - 60_000);
    for (const name of ["0-self-signed.cert", "10-theirs.cert"]) {
      writeFileSync(at(`certificates/${name}`), "");
      utimesSync(at(`certificates/${name}`), old, old);
    }
    await run("create");
    await run("create");
    writeFileSync(at("certificates/0-self-signed.key"), "");
    writeFileSync(at("certificates/20-theirs.cert"), "");
    await run("delete");
    expect(readdirSync(at("certificates")).sort()).toEqual(["0-self-signed.cert", "10-theirs.cert", "20-theirs.cert"]);
  });

  it("stays for another stack that needs it", async () => {
    await run("create");
    rmSync(at("calls"));
    await run("create", "dev of bob");
    // Whoever works there goes on.
    expect(read("calls")).not.toContain("restart");
    await run("delete");
    expect([existsSync(dropIn()), existsSync(at("active"))]).toEqual([true, true]);
    await run("delete", "dev of bob");
    expect([existsSync(dropIn()), existsSync(at("active"))]).toEqual([false, false]);
  });

  it("is left as it is if somebody has set it up, and where it listens is said", async () => {
    for (const name of ["enabled", "active"]) {
      writeFileSync(at(name), "");
    }
    writeFileSync(at("listens"), "192.0.2.7:443 (Stream)\n");
    writeFileSync(at("packages"), "cockpit\n");
    expect(await run("create")).toMatchObject({ code: 0, stdout: "address: https://192.0.2.7:443\n" });
    expect(read("calls")).toContain("apt-get, restricted: no");
    expect((await run("facts")).stdout).toMatch(/^note: .* somebody else .* 192\.0\.2\.7:443 $/m);
    await run("delete");
    expect(read("calls")).not.toMatch(/systemctl (enable|disable|restart|daemon-reload)/);
    expect([existsSync(at("active")), existsSync(dropIn())]).toEqual([true, false]);
  });

  it("says so if it was set up and does not listen", async () => {
    writeFileSync(at("enabled"), "");
    writeFileSync(at("packages"), "cockpit\ncockpit-machines\n");
    expect(lastLine(await run("create"))).toMatch(
      /does not listen, .*; start it: systemctl enable --now cockpit.socket$/,
    );
  });

  it("names who has its port, before anything is installed", async () => {
    writeFileSync(at("users"), 'LISTEN 0 1 0.0.0.0:9090 0.0.0.0:* users:(("nc",pid=7,fd=3))\n');
    const ran = await run("create");
    expect(lastLine(ran)).toMatch(/^cannot open the web console on port 9090: .*"nc",pid=7.*; end it$/);
    expect([read("calls").includes("apt-get"), existsSync(dropIn())]).toEqual([false, false]);
  });

  it("says that it did not start", async () => {
    writeFileSync(at("broken"), "");
    expect(lastLine(await run("create"))).toBe("cannot open the web console on port 9090: Active: failed");
  });

  it("comes back after a hand edit, and after somebody has stopped it, which are told", async () => {
    await run("create");
    const before = (await run("facts")).stdout;
    rmSync(dirname(dropIn()), { recursive: true });
    mkdirSync(at("system"), { recursive: true });
    expect((await run("facts")).stdout).not.toBe(before);
    expect(await run("create")).toMatchObject({ code: 0, stdout: "address: http://127.0.0.1:9090\n" });
    expect((await run("facts")).stdout).toBe(before);
    rmSync(at("active"));
    expect((await run("facts")).stdout).toMatch(/^web console listens on: $/m);
    await run("create");
    expect((await run("facts")).stdout).toBe(before);
  });

  it("takes systemd", async () => {
    expect(lastLine(await run("create", "dev", ":"))).toMatch(
      /^cannot open the web console: systemd does not run here/,
    );
  });
});
