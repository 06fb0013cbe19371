import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sandboxPathsFrom } from "./paths.ts";
import { processName } from "./processes.ts";

const cli = new URL("./cli.ts", import.meta.url).pathname;
const home = mkdtempSync(join(tmpdir(), "duet-sandbox-"));
const environment = { ...process.env, XDG_STATE_HOME: join(home, "a state home, with a long and odd name".repeat(3)) };
const paths = sandboxPathsFrom(environment);

function sandbox(...words: string[]) {
  return spawnSync(process.execPath, [cli, ...words], { env: environment, encoding: "utf8", timeout: 120_000 });
}

function sandboxStatus() {
  const result = sandbox("status", "--json");
  return { code: result.status, ...JSON.parse(result.stdout) };
}

function libvirtdPid(): number {
  return sandboxStatus().parts.find((part: { name: string }) => part.name === "libvirtd").pid;
}

function virsh(...words: string[]): string {
  return execFileSync("virsh", ["-q", "-c", paths.uri, ...words], { encoding: "utf8", timeout: 60_000 });
}

/** What a sandbox could leave on the machine, its processes aside. */
function traces() {
  const find =
    "find /etc /run /var/lib/libvirt /var/log/libvirt /var/cache/libvirt -printf '%p %s %T@ %m %u\\n' | sort";
  const shell = (command: string) => execFileSync("bash", ["-c", command], { encoding: "utf8" });
  return {
    namespaces: shell("ip netns list"),
    links: shell("ip -o link | cut -d: -f2"),
    mounts: readFileSync("/proc/mounts", "utf8"),
    // A directory's time changes with what came and went in it; and another test's sandbox is its own business.
    files: shell(`${find} | grep -v -e ' 4096 ' -e '^/run [0-9]' -e /run/duet -e /run/netns -e /run/systemd`),
    kvm: shell("stat -c '%a %u:%g' /dev/kvm 2>/dev/null || true"),
    state: readdirSync(home),
  };
}

const isRoot = process.getuid?.() === 0;

describe.runIf(isRoot)("the embedded host", { timeout: 180_000 }, () => {
  let before: ReturnType<typeof traces>;
  beforeAll(() => {
    before = traces();
  });
  afterAll(() => {
    sandbox("stop");
    rmSync(home, { recursive: true });
  });

  it("starts, and again without doing anything", () => {
    expect(sandbox("start")).toMatchObject({ status: 0 });
    const pid = libvirtdPid();
    const again = sandbox("start");
    expect(again).toMatchObject({ status: 0, stderr: "" });
    expect(libvirtdPid()).toBe(pid);
    expect(sandboxStatus()).toMatchObject({ code: 0, running: true, namespace: paths.namespace, uri: paths.uri });
  });

  it("is started once by two that start it at once", async () => {
    sandbox("stop");
    const { spawn } = await import("node:child_process");
    const codes = await Promise.all(
      [1, 2, 3].map(
        () =>
          new Promise((resolve) => {
            spawn(process.execPath, [cli, "start"], { env: environment, stdio: "ignore" }).on("close", resolve);
          }),
      ),
    );
    expect(codes).toEqual([0, 0, 0]);
    expect(sandboxStatus().processes).toHaveLength(1);
  });

  it("answers outside of its namespace, and keeps the system's own libvirt out of it", () => {
    expect(virsh("uri").trim()).toBe(paths.uri);
    expect(virsh("net-list", "--all")).toBe("");
    expect(existsSync("/run/libvirt/libvirt-sock")).toBe(before.files.includes("/run/libvirt/libvirt-sock "));
  });

  it("runs commands inside of its network, and passes their exit code on", () => {
    const inside = sandbox("exec", "--", "bash", "-c", "ip -o link | wc -l; exit 7");
    expect(inside).toMatchObject({ status: 7, stdout: "1\n" });
  });

  it("comes back with its networks after libvirtd and dnsmasq were killed", () => {
    const network =
      "<network><name>n</name><bridge name='virbr9'/><ip address='192.168.231.1' netmask='255.255.255.0'/></network>";
    const file = join(home, "network.xml");
    writeFileSync(file, network);
    virsh("net-define", file);
    rmSync(file);
    virsh("net-start", "n");
    process.kill(libvirtdPid(), "SIGKILL");
    expect(sandboxStatus()).toMatchObject({ code: 3, running: false });
    expect(sandbox("start")).toMatchObject({ status: 0 });
    expect(virsh("net-list", "--name").trim()).toBe("n");
    const dnsmasq = Number(readFileSync(join(paths.run, "libvirt/network/n.pid"), "utf8"));
    process.kill(dnsmasq, "SIGKILL");
    expect(sandbox("start")).toMatchObject({ status: 0 });
    expect(sandboxStatus()).toMatchObject({ running: true });
  });

  it("comes back after everything but its files has gone, as by a restart of the machine", () => {
    const { processes } = sandboxStatus();
    for (const { pid } of processes) {
      process.kill(pid, "SIGKILL");
    }
    for (const name of [paths.namespace, paths.outerNamespace]) {
      execFileSync("ip", ["netns", "delete", name]);
    }
    rmSync(paths.runDirectory, { recursive: true });
    expect(sandbox("start")).toMatchObject({ status: 0 });
    expect(virsh("net-list", "--all", "--name").trim()).toBe("n");
  });

  it("leaves nothing behind when it stops, and stopping again is harmless", () => {
    const processes: readonly { readonly pid: number }[] = sandboxStatus().processes;
    expect(processes.length).toBeGreaterThan(0);
    expect(sandbox("stop")).toMatchObject({ status: 0 });
    expect(processes.filter(({ pid }) => processName(pid) !== undefined)).toEqual([]);
    expect(traces()).toEqual(before);
    expect(sandbox("stop")).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(sandboxStatus()).toMatchObject({ code: 3, running: false });
  });

  it("leaves alone what is somebody else's in its namespace, and says so", async () => {
    sandbox("start");
    const { spawn } = await import("node:child_process");
    const other = spawn("ip", ["netns", "exec", paths.namespace, "sleep", "60"], { stdio: "ignore" });
    try {
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(sandbox("stop").stderr).toContain(`left alone in ${paths.namespace}: sleep, pid ${other.pid}`);
      expect(other.exitCode).toBeNull();
    } finally {
      other.kill("SIGKILL");
    }
  });
});

describe("a command line that makes no sense", () => {
  it.each([[], ["begin"], ["exec"]])("gets one line of usage: %j", (...words: string[]) => {
    const result = sandbox(...words);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^sandbox: usage: .*\n$/);
  });
});
