/** The launcher as a process, with a pulumi and a virsh that say what they are told and write down what they get. */
import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { stepInput } from "../components/machine/step.ts";
import { exclusive } from "../sandbox/exclusive.ts";
import { processName, until } from "../sandbox/processes.ts";
import { ranOf } from "../test/support/ran.ts";
import { writeProgram } from "../test/support/run-script.ts";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { pulumiVersion, sourceKey } from "../toolchain/recipe.ts";
import { watcherName } from "./call.ts";
import { project } from "./project.ts";

let home: string;
beforeEach(() => {
  home = temporaryFolder("duet-launch-");
  writeProgram(
    join(home, "real/pulumi"),
    `case "$*" in
*"stack export"*) cat ${home}/exported 2>/dev/null || exit 255 ;;
*"stack import"*) cat >${home}/exported; cp ${home}/exported ${home}/imported ;;
*) printf '%s|' "$(pwd)" "$PULUMI_STACK" "$@" >>${home}/calls; echo >>${home}/calls; eval "$FAKE_PULUMI" ;;
esac`,
  );
  writeProgram(
    join(home, "bin/virsh"),
    `shift 2
case "$*" in
*=domains*) cat ${home}/survey 2>/dev/null ;;
desc*) cat ${home}/$2 2>/dev/null ;;
"echo =network"*) cat ${home}/names 2>/dev/null ;;
uri) [ ! -e ${home}/libvirt-is-down ] || { echo "error: down" >&2; exit 1; } ;;
*) printf '%s\\n' "$*" >>${home}/virsh-calls ;;
esac`,
  );
  writeProgram(join(home, "bin/dpkg-query"), `shift 3; printf '%s\\tinstalled\\n' "$@"`);
  // What was installed before, so that nothing is looked for and nothing downloaded.
  const installed = join(
    home,
    `cache/duet/toolchain/release-${pulumiVersion}-${sourceKey(join(project, "toolchain"))}`,
  );
  mkdirSync(installed, { recursive: true });
  const record = { pulumi: join(home, "real/pulumi"), path: [], home: join(home, "pulumi"), source: "release" };
  writeFileSync(join(installed, "toolchain.json"), JSON.stringify(record));
});

interface Launch {
  readonly status: number | null;
  readonly stderr: string;
}

interface LaunchOptions {
  readonly cwd?: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** Words of a command that runs the launcher. */
  readonly through?: readonly string[];
}

async function launch(line: string, options: LaunchOptions = {}): Promise<Launch> {
  const { status, stderr } = await whole(line, options);
  return { status, stderr };
}

async function whole(
  line: string,
  { cwd = project, environment = {}, through = [] }: LaunchOptions = {},
): Promise<Launch & { readonly stdout: string }> {
  const command = [
    ...through,
    process.execPath,
    join(project, "launcher/launch.ts"),
    ...line.split(" ").filter(Boolean),
  ];
  const child = spawn(command[0]!, command.slice(1), {
    cwd,
    env: {
      PATH: `${join(home, "bin")}:/usr/bin:/bin`,
      HOME: home,
      XDG_CACHE_HOME: join(home, "cache"),
      XDG_STATE_HOME: join(home, "state"),
      DUET_SHARED: join(home, "shared"),
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  return ranOf(child);
}

/** The calls of pulumi by the launcher for its user: directory, stack and words of each. */
function calls(): readonly (readonly string[])[] {
  const file = join(home, "calls");
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  return text.split("\n").flatMap((line) => (line === "" ? [] : [line.split("|").slice(0, -1)]));
}
const virshCalls = (): string => readFileSync(join(home, "virsh-calls"), "utf8");
/** Leases the name of the stack, as its first step does. */
function lease(owner: string): void {
  mkdirSync(join(home, "shared/leases/stacks"), { recursive: true });
  writeFileSync(join(home, "shared/leases/stacks/workstation"), `${owner}\n`);
}
const stateFolder = () => join(home, "state/duet/stacks/workstation");
const ownSpec = () => join(stateFolder(), "Pulumi.workstation.yaml");

describe("a command line", () => {
  it("is handed on as it was typed, with the stack that is meant", async () => {
    expect((await launch("stack output vms --json --stack workstation")).status).toBe(0);
    expect((await launch("up --yes -m a|b -s workstation -- word")).status).toBe(0);
    const [first, second] = calls();
    expect(first).toEqual([project, "workstation", "stack", "output", "vms", "--json", "--stack", "workstation"]);
    // The stack's own spec, and where the program is, come on top, and before the words that are no options.
    const [port = "", , events = ""] = second?.slice(-5) ?? [];
    const attached = ["--config-file", ownSpec(), "--client", port, "--event-log", events, "--", "word"];
    expect(second).toEqual([project, "workstation", "up", "--yes", "-m", "a", "b", "-s", "workstation", ...attached]);
    expect(port).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it("means the stack of PULUMI_STACK if it names none", async () => {
    await launch("config", { environment: { PULUMI_STACK: "acme/duet/workstation" } });
    expect(calls()).toEqual([[project, "acme/duet/workstation", "config"]]);
  });

  it("works from any directory of the project, where relative paths are meant from", async () => {
    await launch("config --stack workstation", { cwd: join(project, "components/host") });
    expect(calls().map(([directory]) => directory)).toEqual([join(project, "components/host")]);
  });

  it("means this project if the directory is in none", async () => {
    await launch("config --stack workstation", { cwd: home });
    expect(calls().map(([directory]) => directory)).toEqual([project]);
  });

  it("is pulumi's alone in another project, whatever its stacks are called", async () => {
    writeFileSync(join(home, "Pulumi.yaml"), "name: other\nruntime: yaml\n");
    await launch("up --stack nonesuch", { cwd: home });
    await launch(`-C ${home} up --stack nonesuch`);
    expect(calls().map(([directory, stack]) => [directory, stack])).toEqual([
      [home, ""],
      [project, ""],
    ]);
    expect(existsSync(join(home, "state"))).toBe(false);
  });

  it.each(["version", "up --help", "plugin ls"])("of `pulumi %s` needs no stack and leaves no state", async (line) => {
    expect((await launch(line, { environment: { PULUMI_STACK: "nonesuch" } })).status).toBe(0);
    expect(calls()).toHaveLength(1);
    expect(existsSync(join(home, "state"))).toBe(false);
  });

  it("for help ends with this project's own command, and for another one's help does not", async () => {
    for (const line of ["", "--help", "help"]) {
      expect((await whole(line)).stdout).toMatch(/^ {4}doctor .*pulumi doctor \[--stack NAME\]$/m);
    }
    for (const line of ["up --help", "--version"]) {
      expect((await whole(line)).stdout).not.toContain("doctor");
    }
    writeFileSync(join(home, "Pulumi.yaml"), "name: other\nruntime: yaml\n");
    expect((await whole("--help", { cwd: home })).stdout).not.toContain("doctor");
  });

  it("ends with the status of pulumi, and leaves nothing running that would have to be ended", async () => {
    const ran = await launch("up --stack workstation", { environment: { FAKE_PULUMI: "exit 42" } });
    expect(ran).toEqual({ status: 42, stderr: "" });
  });

  it("ends with what pulumi says that failed, and why", async () => {
    const event = `{"diagnosticEvent":{"urn":"urn:pulumi:s::p::command:local:Command::a","severity":"error","message":"exit status 1:\\ncannot do it: a; b"}}`;
    const FAKE_PULUMI = `while [ "$1" != --event-log ]; do shift; done; printf '%s\\n' '${event}' >"$2"; echo 'lines of its own' >&2; exit 255`;
    const { status, stderr } = await launch("up --stack workstation", { environment: { FAKE_PULUMI } });
    expect({ status, stderr }).toEqual({ status: 255, stderr: "lines of its own\nduet: cannot do it: a; b\n" });
  });

  it("is refused if another launcher asks what this one is", async () => {
    const refused = await launch("version", { environment: { DUET_ASKING: "1" } });
    expect(refused).toEqual({ status: 1, stderr: expect.stringMatching(/^duet: [^\n]+put pulumi itself on PATH\n$/) });
    expect(calls()).toEqual([]);
  });
});

describe("one line and status 1", () => {
  const oneLine = (said: RegExp) => ({
    status: 1,
    stderr: expect.stringMatching(new RegExp(`^duet: [^\\n]*${said.source}[^\\n]*\\n$`)),
  });

  it("for a stack that has no spec", async () => {
    expect(await launch("up --stack nonesuch")).toEqual(
      oneLine(/cannot find the spec of stack nonesuch: .*stacks\/Pulumi\.nonesuch\.yaml/),
    );
  });

  it("for a spec that is not YAML", async () => {
    const file = join(home, "broken.yaml");
    writeFileSync(file, "config: [\n  a: {\n");
    expect(await launch(`up --stack dev --config-file ${file}`)).toEqual(oneLine(/broken\.yaml: it is not YAML: /));
  });

  it("for each problem of a spec, before a toolchain is looked for, downloaded or built", async () => {
    const file = join(home, "wrong.yaml");
    writeFileSync(file, "config: { duet:vms: [] }\n");
    const environment = { XDG_CACHE_HOME: join(home, "empty") };
    for (const command of ["up", "preview"]) {
      const { status, stderr } = await launch(`${command} --stack dev --config-file ${file}`, { environment });
      expect(stderr).toMatch(
        /^duet: the spec of this stack has 2 problem\(s\):\n {2}duet:sources: .*\n {2}duet:vms: .*\n$/,
      );
      expect(status).toBe(1);
    }
    expect(existsSync(join(home, "empty"))).toBe(false);
  });

  it("for a workstation whose libvirt does not answer", async () => {
    writeFileSync(join(home, "libvirt-is-down"), "");
    for (const command of ["preview", "destroy --yes"]) {
      const { status, stderr } = await launch(`${command} --stack workstation`);
      expect([status, stderr]).toEqual([
        1,
        expect.stringMatching(
          /^duet: cannot reach libvirt at qemu:\/\/\/system: [^\n]*; start it as root: [^\n]*libvirtd\b[^\n]*\n$/,
        ),
      ]);
    }
    expect(calls()).toEqual([]);
  });

  it("for a libvirt that does not answer, unless `up` has some of its packages to install", async () => {
    writeFileSync(join(home, "libvirt-is-down"), "");
    expect(await launch("up --stack workstation")).toEqual(oneLine(/cannot reach libvirt at qemu:\/\/\/system: /));
    writeProgram(join(home, "bin/dpkg-query"), "shift 3; printf '%s\\tunpacked\\n' \"$@\"; exit 1");
    expect(await launch("preview --stack workstation")).toEqual(oneLine(/cannot reach libvirt at/));
    expect(calls()).toEqual([]);
    expect(await launch("up --stack workstation")).toEqual({ status: 0, stderr: "" });
    expect(calls()).toHaveLength(1);
  });

  it("for the embedded host without root", async () => {
    const spec = join(home, "dev.yaml");
    writeFileSync(spec, "config: { duet:host: { sandbox: true } }\n");
    chmodSync(spec, 0o755);
    const through = process.getuid?.() === 0 ? ["setpriv", "--reuid", "65534", "--clear-groups"] : [];
    expect(await launch(`up --stack dev --config-file ${spec}`, { through })).toEqual(
      oneLine(/cannot use the embedded host.*needs root/),
    );
  });

  it("for a state folder that cannot be written", async () => {
    writeFileSync(join(home, "file"), "");
    const environment = { XDG_STATE_HOME: join(home, "file") };
    expect(await launch("up --stack workstation", { environment })).toEqual(oneLine(/ENOTDIR/));
    expect(calls()).toEqual([]);
  });
});

describe("an up", () => {
  const folder = () => join(home, "state/duet/stacks/workstation");
  const hasRun = () => calls().some(([, , command]) => command === "up");

  it("waits for the watcher of the module, which it names", async () => {
    const release = await exclusive("stack workstation", folder(), 0, watcherName);
    const running = launch("up --yes --stack workstation");
    await until(3000, hasRun);
    expect(hasRun()).toBe(false);
    release();
    const line = `duet: duetctl watch, pid ${process.pid}, brings an edit: this run waits for it\n`;
    expect(await running).toEqual({ status: 0, stderr: expect.stringContaining(line) });
    expect(hasRun()).toBe(true);
  });

  it("does not wait for another run", async () => {
    const release = await exclusive("stack workstation", folder());
    const { status, stderr } = await launch("up --yes --stack workstation");
    release();
    expect([status, hasRun()]).toEqual([1, false]);
    expect(stderr).toMatch(/cannot work on stack workstation: pulumi, pid \d+, is working on it; /);
  });

  it("bounds the cache once it has succeeded, and says what goes", async () => {
    const folder = join(home, "cache/duet/kernel");
    for (const name of ["a", "b", "c", "d", "e"]) {
      mkdirSync(join(folder, name), { recursive: true });
    }
    const failed = { environment: { FAKE_PULUMI: "exit 1" } };
    expect((await launch("up --stack workstation", failed)).stderr).not.toContain("remove from");
    expect((await launch("preview --stack workstation")).stderr).not.toContain("remove from");
    expect((await launch("up --stack workstation")).stderr).toMatch(/^duet: remove from \S+duet what .*: kernel\/\w$/m);
    expect(readdirSync(folder)).toHaveLength(4);
    // Of the toolchain nothing is removed while it runs.
    expect(readdirSync(join(home, "cache/duet/toolchain"))).toHaveLength(1);
  });

  it.runIf(process.getuid?.() === 0)("says of a disk that is nearly full what is left of it", async () => {
    const full = 'mount -t tmpfs -o size=9m tmpfs /media; exec "$@"';
    const through = ["unshare", "--mount", "bash", "-c", full, "bash"];
    const { stderr, status } = await launch("up --stack workstation", { through });
    expect(stderr).toMatch(/^duet: the disk of \/media\/data\/duet has 0\.0 GB left of 0\.0, and a kernel takes 4: /m);
    expect(status).toBe(0);
  });
});

describe("after a run on a workstation that was cut off", () => {
  const vm = "dc369ac7-64de-406a-9e5d-c33ab1567047";
  const alien = "371337fa-607e-4e67-bf34-9b4f6dac0987";
  const urn = (type: string, name: string) => `urn:pulumi:workstation::duet::${type}::${name}`;
  const stack = { urn: urn("pulumi:pulumi:Stack", "duet"), type: "pulumi:pulumi:Stack" };
  const interrupted = {
    version: 3,
    deployment: {
      resources: [stack],
      pending_operations: [
        {
          type: "creating",
          resource: {
            urn: urn("command:local:Command", "export"),
            type: "command:local:Command",
            inputs: { create: "a" },
          },
        },
      ],
    },
  };
  const cutOff = { FAKE_PULUMI: "sleep 60 & kill -KILL $$" };

  beforeEach(() => {
    writeFileSync(join(home, "exported"), JSON.stringify(interrupted));
    writeFileSync(
      join(home, "survey"),
      `=domains\n${vm} duetdev\n${alien} another\n=network\n=pool\n=volumes\n image.qcow2  /a/image.qcow2\n=end\n`,
    );
    mkdirSync(stateFolder(), { recursive: true });
    writeFileSync(join(stateFolder(), "id"), "01234567 \n");
    const owner = `workstation of ${userInfo().username} (01234567)`;
    writeFileSync(join(home, vm), `Duet stack ${owner}\n`);
    writeFileSync(join(home, alien), "Duet stack workstation of somebody (89abcdef)\n");
    lease(owner);
  });

  it("what it has left running is ended at once", async () => {
    const { status, stderr } = await launch("up --stack workstation", { environment: cutOff });
    expect(status).toBe(137);
    const [, pid] = /^duet: a run that was cut off had left \S+ \(pid (\d+)\): ended$/m.exec(stderr) ?? [];
    expect(pid).toBeDefined();
    expect(processName(Number(pid))).toBeUndefined();
  });

  it("the next one settles the state and removes what is the stack's own, and the one after it does nothing", async () => {
    await launch("up --stack workstation", { environment: cutOff });
    const { status, stderr } = await launch("up --stack workstation");
    expect(status).toBe(0);
    expect(stderr.trim().split("\n")).toEqual([
      "duet: export was cut off while creating: it is done again",
      "duet: domain duetdev is not in the state of stack workstation: removed",
      "duet: volume image.qcow2 is not in the state of stack workstation: removed",
    ]);
    const imported = JSON.parse(readFileSync(join(home, "imported"), "utf8"));
    expect(imported.version).toBe(3);
    expect(imported.deployment.pending_operations).toEqual([]);
    expect(imported.deployment.resources).toHaveLength(2);
    expect(virshCalls()).toContain(`undefine ${vm}`);
    expect(virshCalls()).not.toContain(alien);
    rmSync(join(home, "virsh-calls"));
    expect((await launch("up --stack workstation")).stderr).toBe("");
    expect(existsSync(join(home, "virsh-calls"))).toBe(false);
  });

  it("what has the stack's name in libvirt is somebody else's, unless the stack has leased it", async () => {
    rmSync(join(home, "shared"), { recursive: true });
    await launch("up --stack workstation", { environment: cutOff });
    const { stderr } = await launch("up --stack workstation");
    expect(stderr).toContain("domain duetdev is not in the state of stack workstation: removed");
    expect(stderr).not.toContain("volume");
  });

  it("nothing is taken for an orphan if the state cannot be read", async () => {
    await launch("up --stack workstation", { environment: cutOff });
    rmSync(join(home, "exported"));
    expect((await launch("up --stack workstation")).status).toBe(0);
    expect(existsSync(join(home, "virsh-calls"))).toBe(false);
  });

  it("preview removes nothing", async () => {
    await launch("up --stack workstation", { environment: cutOff });
    expect(await launch("preview --stack workstation")).toEqual({ status: 0, stderr: "" });
    expect(existsSync(join(home, "virsh-calls"))).toBe(false);
    expect(existsSync(join(home, "imported"))).toBe(false);
  });

  it("destroy leaves nothing in the state, however often it runs", async () => {
    rmSync(join(home, "state"), { recursive: true });
    rmSync(join(home, "shared"), { recursive: true });
    await launch("up --stack workstation", { environment: cutOff });
    expect(readdirSync(stateFolder()).sort()).toEqual(["Pulumi.workstation.yaml", "Pulumi.yaml", "id", "unfinished"]);
    const gone = JSON.stringify({ version: 3, deployment: { resources: [] } });
    const environment = { FAKE_PULUMI: `echo '${gone}' >${home}/exported` };
    expect((await launch("destroy --yes --stack workstation", { environment })).status).toBe(0);
    expect(existsSync(join(home, "state"))).toBe(false);
    expect((await launch("destroy --yes --stack workstation", { environment })).status).toBe(0);
    expect(existsSync(join(home, "state"))).toBe(false);
  });
});

describe("on a workstation that others use", () => {
  const refused = (said: RegExp) => ({ status: 1, stderr: expect.stringMatching(said) });

  it("the name of a stack that another one has is said before anything runs, whose it is, and nothing is done", async () => {
    lease("workstation of alice (89abcdef)");
    for (const line of ["up --yes", "up --yes", "preview", "destroy --yes"]) {
      expect(await launch(`${line} --stack workstation`)).toEqual(
        refused(/^duet: cannot use the name workstation: .* workstation of alice \(89abcdef\); [^\n]+\n$/),
      );
    }
    expect(calls()).toEqual([]);
    expect(existsSync(join(home, "virsh-calls"))).toBe(false);
  });

  it("so are a domain and a network that are not the stack's", async () => {
    writeFileSync(join(home, "names"), "=network\n\n=duetdev\nDuet stack workstation of alice (89abcdef)\n");
    expect(await launch("up --stack workstation")).toEqual(
      refused(/^duet: cannot make domain duetdev: .* \(Duet stack workstation of alice \(89abcdef\)\); /),
    );
    writeFileSync(join(home, "names"), "=network\n\n=duetdev\nNo description for domain: duetdev\n");
    expect(await launch("up --stack workstation")).toEqual(
      refused(/^duet: cannot make domain duetdev: .* \(No description[^;]+; [^\n]+ docs\/workstation\.md[^\n]+\n$/),
    );
    writeFileSync(join(home, "names"), "=network\n9280c7d5-5455-4ee9-bae3-f16ee62f28c6\n\n=duetdev\n\n");
    expect(await launch("up --stack workstation")).toEqual(refused(/^duet: cannot make network duet-workstation: /));
    expect(calls()).toEqual([]);
  });

  it("what the stack's own state has is its own, whatever it was marked with", async () => {
    writeFileSync(join(home, "names"), "=network\n\n=duetdev\nDuet stack workstation\n");
    const outputs = { name: "duetdev" };
    const resource = {
      urn: "urn:pulumi:w::duet::libvirt::duetdev",
      type: "libvirt:index/domain:Domain",
      id: "1",
      outputs,
    };
    writeFileSync(join(home, "exported"), JSON.stringify({ version: 3, deployment: { resources: [resource] } }));
    expect((await launch("up --stack workstation")).status).toBe(0);
  });

  it("a stack keeps its id, also if its folder was lost and its state still has it", async () => {
    const id = () => readFileSync(join(stateFolder(), "id"), "utf8");
    await launch("up --stack workstation");
    const first = id();
    expect(first).toMatch(/^[0-9a-f]{8} \n$/);
    await launch("up --stack workstation");
    expect(id()).toBe(first);
    rmSync(join(home, "state"), { recursive: true });
    const stdin = stepInput("leases=/l\nowner='workstation of eve (fedcba98)'\n", "");
    const resource = {
      urn: "urn:pulumi:w::duet::command::name",
      type: "command:local:Command",
      id: "1",
      inputs: { stdin },
    };
    writeFileSync(join(home, "exported"), JSON.stringify({ version: 3, deployment: { resources: [resource] } }));
    await launch("up --stack workstation");
    expect(id()).toBe("fedcba98 \n");
  });

  it("a stack of the same name on another backend of the same person is refused", async () => {
    await launch("up --stack workstation");
    rmSync(join(home, "calls"));
    const environment = { PULUMI_BACKEND_URL: `file://${home}/other` };
    expect(await launch("up --stack workstation", { environment })).toEqual(
      refused(/^duet: cannot use the name workstation: it is that of a stack of yours on [^\n]+\n$/),
    );
    expect(calls()).toEqual([]);
  });
});

describe("how the secrets of a stack on a workstation are kept", () => {
  const salt = "encryptionsalt: v1:salt";
  const spec = readFileSync(join(project, "stacks/Pulumi.workstation.yaml"), "utf8");

  it("is written where the user's checkout is not, and stays in the copy of the spec that pulumi is given", async () => {
    const init = `case "$2" in init) echo '${salt}' >>"$5/Pulumi.$3.yaml" ;; esac`;
    await launch("stack init workstation", { environment: { FAKE_PULUMI: init } });
    expect(calls()).toEqual([
      [project, "workstation", "stack", "init", "workstation", "--cwd", stateFolder()],
      [project, "workstation", "stack", "select", "workstation"],
    ]);
    const environment = { FAKE_PULUMI: "", PULUMI_CONFIG_PASSPHRASE: "" };
    for (const command of ["preview", "up", "up"]) {
      expect((await launch(`${command} --stack workstation`, { environment })).status).toBe(0);
      expect(readFileSync(ownSpec(), "utf8")).toBe(`${spec.trimEnd()}\n${salt}\n`);
    }
    expect(readFileSync(join(project, "stacks/Pulumi.workstation.yaml"), "utf8")).toBe(spec);
    await launch("stack rm --yes workstation", {
      environment: { FAKE_PULUMI: `echo "$PULUMI_OPTION_PRESERVE_CONFIG" >${home}/kept` },
    });
    expect(readFileSync(join(home, "kept"), "utf8")).toBe("true\n");
    expect(readdirSync(stateFolder())).toEqual(["id"]);
  });

  it("leaves nothing of a stack that was not made, nor of a preview of one that is not there", async () => {
    expect((await launch("stack init workstation", { environment: { FAKE_PULUMI: "exit 3" } })).status).toBe(3);
    await launch("preview --stack workstation");
    expect(existsSync(join(home, "state"))).toBe(false);
  });

  it("is known before anything is done: without a passphrase, and without anybody to ask, that is all that is said", async () => {
    mkdirSync(stateFolder(), { recursive: true });
    writeFileSync(ownSpec(), `${salt}\n`);
    expect(await launch("up --stack workstation")).toEqual({
      status: 1,
      stderr: expect.stringMatching(
        /^duet: cannot unlock the secrets of stack workstation: .*; set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE\n$/,
      ),
    });
    expect(calls()).toEqual([]);
    for (const environment of [{ PULUMI_CONFIG_PASSPHRASE: "" }, { PULUMI_CONFIG_PASSPHRASE_FILE: "/a" }]) {
      expect((await launch("up --stack workstation", { environment })).status).toBe(0);
    }
    // That asks for itself, and nothing is settled before it.
    expect((await launch("preview --stack workstation")).status).toBe(0);
  });

  it("is known by the state too, whose passphrase is asked for at the terminal, once", async () => {
    const backend = join(home, "backend");
    mkdirSync(join(backend, ".pulumi/stacks/duet"), { recursive: true });
    const latest = { secrets_providers: { type: "passphrase", state: { salt: "v1:salt" } } };
    writeFileSync(join(backend, ".pulumi/stacks/duet/workstation.json"), JSON.stringify({ checkpoint: { latest } }));
    const environment = {
      PULUMI_BACKEND_URL: `file://${backend}`,
      FAKE_PULUMI: `echo "$PULUMI_CONFIG_PASSPHRASE" >>${home}/phrases`,
    };
    expect((await launch("up --stack workstation", { environment })).stderr).toContain("cannot unlock the secrets");
    const typed = 'printf "open sesame\\n" | script -qec "$(printf "%q " "$@")" /dev/null';
    const { stdout, status } = await whole("up --stack workstation", {
      environment: { ...environment, SHELL: "/bin/bash" },
      through: ["bash", "-c", typed, "bash"],
    });
    expect(status, stdout).toBe(0);
    expect(stdout).toContain("passphrase of the secrets of stack workstation: ");
    expect(readFileSync(join(home, "phrases"), "utf8")).toBe("open sesame\n");
  });
});

/** With a sudo that grants what the test says. */
describe.runIf(process.getuid?.() === 0)("as a person who is not root", () => {
  const create = "# 'serve it to the guests'\numask 022; exec {held}< <(cat); sudo -A --preserve-env=x -- bash -c a";
  const preview = (op: string) => JSON.stringify({ steps: [{ op, newState: { inputs: { create } } }] });
  const through = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
  const sudo = (body: string) => writeProgram(join(home, "bin/sudo"), `echo "$*" >>${home}/sudo-calls; ${body}`);
  const sudoCalls = () => readFileSync(join(home, "sudo-calls"), "utf8");
  const up = (op: string, environment: NodeJS.ProcessEnv = {}) => {
    writeFileSync(join(home, "preview"), preview(op));
    const FAKE_PULUMI = `case " $* " in *" --json "*) cat ${home}/preview ;; esac`;
    return launch("up --yes --stack workstation", { through, environment: { FAKE_PULUMI, ...environment } });
  };
  beforeEach(() => chmodSync(home, 0o777));

  it("an up without anything for root to do asks for nothing", async () => {
    sudo("exit 1");
    expect(await up("same")).toEqual({ status: 0, stderr: "" });
    expect(sudoCalls()).toBe("-n true\n");
  });

  it("what needs root is said in one list, and fails if there is nobody to ask", async () => {
    sudo("exit 1");
    const { status, stderr } = await up("create");
    expect(status).toBe(1);
    expect(stderr.split("\n")).toEqual([
      "duet: these steps need root, and go through sudo: serve it to the guests",
      expect.stringMatching(/^duet: cannot become root: .*SUDO_ASKPASS$/),
      "",
    ]);
  });

  it("it goes on with a program that answers for the person, and with a right that sudo still grants", async () => {
    sudo("exit 1");
    expect((await up("create", { SUDO_ASKPASS: "/bin/true" })).status).toBe(0);
    sudo("exit 0");
    expect(await up("create")).toEqual({ status: 0, stderr: "" });
  });

  it("typed through sudo it is the same, with the home of that person", async () => {
    const house = join(home, "house");
    mkdirSync(house);
    symlinkSync(join(home, "cache"), join(house, ".cache"));
    chmodSync(house, 0o777);
    writeProgram(join(home, "bin/getent"), `echo 'eve:x:65534:65534::${house}:/bin/sh'`);
    sudo("exit 0");
    const environment = { SUDO_UID: "65534", SUDO_GID: "65534", FAKE_PULUMI: `echo "$HOME $(id -u)" >${house}/who` };
    const ran = await launch("preview --stack workstation", { environment });
    expect(ran).toEqual({ status: 0, stderr: "" });
    expect(readFileSync(join(house, "who"), "utf8")).toBe(`${house} 65534\n`);
  });
});

describe("on the embedded host", () => {
  const isRoot = process.getuid?.() === 0;
  const folder = () => join(home, "state/duet/stacks/dev");

  beforeEach(() => {
    writeFileSync(join(home, "dev.yaml"), "config: { duet:host: { sandbox: true } }\n");
  });

  it.runIf(isRoot)("a stack of which nothing is known is destroyed, also if its network is gone", async () => {
    mkdirSync(join(folder(), "steps"), { recursive: true });
    writeFileSync(join(folder(), "steps/export.sh"), `[ "$1" = delete ] && rm -- "$0"\n`);
    const { status, stderr } = await launch(`destroy --yes --stack dev --config-file ${home}/dev.yaml`);
    expect(stderr.trim().split("\n")).toEqual([
      "duet: step export was begun and never done: taken back",
      "duet: stack dev does not stand: nothing to destroy",
    ]);
    expect(status).toBe(0);
    expect(existsSync(join(home, "state/duet"))).toBe(false);
    expect(calls()).toEqual([]);
  });
});

it("does not run two at once on one stack, and names the first", async () => {
  const first = launch("up --stack workstation", {
    environment: { FAKE_PULUMI: `while [ ! -e ${home}/go ]; do sleep 0.05; done` },
  });
  while (calls().length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const second = await launch("destroy --stack workstation");
  expect(second.status).toBe(1);
  expect(second.stderr).toMatch(/^duet: cannot work on stack workstation: pulumi, pid \d+,[^\n]+\n$/);
  expect((await launch("preview --stack workstation", { environment: { FAKE_PULUMI: "" } })).status).toBe(0);
  writeFileSync(join(home, "go"), "");
  expect((await first).status).toBe(0);
});
