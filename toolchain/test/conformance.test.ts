import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { commandPlugin, installedVersion, isStandIn } from "./installed.ts";
import {
  archive,
  fileAsset,
  isSecret,
  type Plugin,
  type Properties,
  reveal,
  secret,
  startPlugin,
  textAsset,
  unknown,
  urn,
} from "./plugin.ts";
import { pidIn, runs, until } from "./processes.ts";
import { freePort, type SshServer, startSshServer } from "./sshd.ts";

// The contract of the command plugin 1.2.1, as the engine sees it over gRPC.
vi.setConfig({ testTimeout: 30_000 });

const local = "command:local:Command";
const remote = "command:remote:Command";
const copy = "command:remote:CopyToRemote";
const copyFile = "command:remote:CopyFile";

let directory: string;
let plugin: Plugin;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "duet-conformance-"));
  plugin = await startPlugin(commandPlugin, { PATH: process.env.PATH, HOME: directory, FROM_PARENT: "yes" }, directory);
});

afterEach(async () => {
  await plugin.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Inputs as the engine would hand them on: checked, with their defaults. */
async function checked(type: string, inputs: Properties): Promise<Properties> {
  const answer = await plugin.check(urn(type, "x"), inputs);
  expect(answer.failures).toEqual([]);
  return answer.inputs;
}

/** Checks and creates a resource. */
async function create(type: string, inputs: Properties): Promise<Properties> {
  return (await plugin.create(urn(type, "x"), await checked(type, inputs))).state;
}

/** What creating a resource fails with. */
const failure = (type: string, inputs: Properties): Promise<string> =>
  create(type, inputs).then(
    () => "no failure",
    (error: Error) => error.message,
  );

const messages = () => plugin.logs.map((line) => line.message);

describe("schema", () => {
  it("is that of version 1.2.1", async () => {
    const version = (await plugin.version()).replace(/^v/, "");
    expect(version).toBe(installedVersion === undefined ? version : "1.2.1");
    const schema = await plugin.schema();
    expect(schema.name).toBe("command");
    const resources = schema.resources as Record<string, { inputProperties: object; requiredInputs?: string[] }>;
    expect(Object.keys(resources).sort()).toEqual([local, remote, copyFile, copy].sort());
    expect(Object.keys(schema.functions as object)).toEqual(["command:local:run"]);
    expect(Object.keys(resources[local]?.inputProperties ?? {}).sort()).toEqual(
      [
        "addPreviousOutputInEnv",
        "archivePaths",
        "assetPaths",
        "create",
        "delete",
        "dir",
        "environment",
        "interpreter",
        "logging",
        "stdin",
        "triggers",
        "update",
      ].sort(),
    );
    expect(resources[remote]?.requiredInputs).toEqual(["connection"]);
  });
});

describe("check", () => {
  it("fills in defaults, of a connection and not of a local command", async () => {
    expect(await checked(local, { create: "true" })).toEqual({ create: "true" });
    const { connection } = await checked(remote, { connection: { host: "h", proxy: { host: "p" } } });
    const filled = { port: 22, user: "root", dialErrorLimit: 10, perDialTimeout: 15 };
    expect(reveal(connection)).toEqual({ host: "h", ...filled, proxy: { host: "p", ...filled } });
  });

  it("makes a connection a secret", async () => {
    expect(isSecret((await checked(remote, { connection: { host: "h" } })).connection)).toBe(true);
  });

  it("lets through what a preview does not know", async () => {
    const inputs = await checked(local, { create: unknown, environment: { A: unknown }, triggers: [unknown] });
    expect(inputs).toMatchObject({ create: unknown, environment: { A: unknown }, triggers: [unknown] });
    const { connection } = await checked(remote, { connection: { host: unknown, privateKey: unknown } });
    expect(reveal(connection)).toMatchObject({ host: unknown, privateKey: secret(unknown) });
  });

  it.each([
    ["a missing connection", remote, { create: "true" }, "connection", /connection/],
    ["a connection without host", remote, { connection: { user: "u" } }, "connection", /host/],
    ["a wrong type", local, { create: ["true"] }, "create", /string/],
    ["a misspelt name", local, { creat: "true" }, "creat", /creat/],
    ["a copy without source", copy, { connection: { host: "h" }, remotePath: "/x" }, "source", /source/],
  ] as const)("refuses %s", async (_, type, inputs, property, reason) => {
    const { failures } = await plugin.check(urn(type, "x"), inputs as unknown as Properties);
    expect(failures.find((failure) => failure.property === property)?.reason).toMatch(reason);
  });

  it("refuses an archive that is made of assets", async () => {
    const parts = {
      "4dabf18193072939515e22adb298388d": "0def7320c3a5731c473e5ecbe6d01bc7",
      assets: { a: textAsset("t") },
    };
    const { failures } = await plugin.check(urn(copy, "x"), {
      connection: { host: "h" },
      remotePath: "/x",
      source: parts,
    });
    expect(failures).toEqual([{ property: "archive", reason: "archive must be a path to a file or directory" }]);
  });
});

describe("diff", () => {
  it("sees no change if there is none, outputs aside", async () => {
    const inputs = await checked(local, { create: "echo 1", triggers: [1, { a: "b" }] });
    const { state } = await plugin.create(urn(local, "x"), inputs);
    expect(await plugin.diff(urn(local, "x"), state, inputs)).toEqual({
      changes: false,
      replaces: [],
      deleteBeforeReplace: false,
    });
  });

  it.each([
    ["create", { create: "echo 2" }],
    ["update", { create: "echo 1", update: "echo u" }],
    ["delete", { create: "echo 1", delete: "echo d" }],
    ["environment", { create: "echo 1", environment: { A: "2" } }],
    ["stdin", { create: "echo 1", stdin: "s" }],
  ] as const)("updates for a change of %s", async (_, inputs) => {
    const olds = await checked(local, { create: "echo 1" });
    const difference = await plugin.diff(urn(local, "x"), olds, await checked(local, inputs as Properties));
    expect(difference).toEqual({ changes: true, replaces: [], deleteBeforeReplace: false });
  });

  // That this replaces is said by the SDK, too; the released plugin leaves it to the SDK.
  it.each([
    [local, { create: "echo 1" }],
    [remote, { create: "echo 1", connection: { host: "h" } }],
    [copy, { source: textAsset("t"), remotePath: "/x", connection: { host: "h" } }],
  ] as const)("sees a change of triggers of a %s, the new one to be made first", async (type, inputs) => {
    const olds = await checked(type, { ...inputs, triggers: ["a", "b"] } as Properties);
    const news = await checked(type, { ...inputs, triggers: ["a", "c"] } as Properties);
    const difference = await plugin.diff(urn(type, "x"), olds, news);
    expect(difference).toMatchObject({ changes: true, deleteBeforeReplace: false });
  });

  it("updates for a change of connection, and replaces a CopyFile for any change", async () => {
    const olds = await checked(remote, { create: "true", connection: { host: "a" } });
    const news = await checked(remote, { create: "true", connection: { host: "b" } });
    expect(await plugin.diff(urn(remote, "x"), olds, news)).toMatchObject({ changes: true, replaces: [] });
    const from = await checked(copyFile, { connection: { host: "a" }, localPath: "/a", remotePath: "/x" });
    const to = await checked(copyFile, { connection: { host: "a" }, localPath: "/b", remotePath: "/x" });
    expect((await plugin.diff(urn(copyFile, "x"), from, to)).replaces).toEqual(["localPath"]);
  });
});

describe("a local command", () => {
  it("returns both streams without their last newline, and the inputs", async () => {
    const inputs = await checked(local, { create: "printf 'a\\nb\\n\\n'; printf 'e\\n' >&2", delete: "true" });
    const { id, state } = await plugin.create(urn(local, "x"), inputs);
    expect(state).toEqual({ ...inputs, stdout: "a\nb\n", stderr: "e" });
    expect(id).toMatch(/^x[0-9a-f]{8}$/);
  });

  it("gets its parent's environment, its own, its stdin, its directory", async () => {
    mkdirSync(join(directory, "sub"));
    const state = await create(local, {
      create: 'echo "$FROM_PARENT $OWN $HOME"; cat; pwd',
      environment: { OWN: "it's $(not run)", HOME: "overridden" },
      stdin: "in\n",
      dir: join(directory, "sub"),
    });
    expect(state.stdout).toBe(`yes it's $(not run) overridden\nin\n${join(directory, "sub")}`);
  });

  it("runs in the plugin's directory unless told otherwise, with no stdin", async () => {
    expect((await create(local, { create: "pwd; cat" })).stdout).toBe(directory);
  });

  it("is run by an interpreter, its last argument", async () => {
    const state = await create(local, { create: "a b", interpreter: ["/usr/bin/printf", "%s|%s", "first"] });
    expect(state.stdout).toBe("first|a b");
  });

  it("is not run by a preview, which knows no output", async () => {
    const inputs = await checked(local, { create: "touch ran; echo x" });
    const { state } = await plugin.create(urn(local, "x"), inputs, true);
    expect(state).toMatchObject({ create: "touch ran; echo x", stdout: unknown, stderr: unknown });
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each<[string, (inputs: Properties) => Properties, string]>([
    ["does not know yet for an input that has another value", (inputs) => ({ ...inputs, stdin: "two" }), unknown],
    ["does not know yet for an input that it does not know", (inputs) => ({ ...inputs, stdin: unknown }), unknown],
    ["does not know yet for an input that is gone", ({ stdin: _, ...inputs }) => inputs, unknown],
    ["takes for what they were for an input that is new", (inputs) => ({ ...inputs, update: "touch ran" }), "old"],
  ])("has outputs that the preview of an update %s", async (_, changed, stdout) => {
    const inputs = await checked(local, { create: "touch ran; cat", stdin: "one" });
    const news = changed(inputs);
    const updated = await plugin.update(urn(local, "x"), { ...inputs, stdout: "old", stderr: "" }, news, true);
    expect(updated).toMatchObject({ ...news, stdout });
    expect(readdirSync(directory)).toEqual([]);
  });

  it("may have nothing to create", async () => {
    expect(await create(local, { delete: "true" })).toMatchObject({ stdout: "", stderr: "" });
  });

  it("is updated by `update`, else by `create`, which see what was said before", async () => {
    const say = 'echo "<$PULUMI_COMMAND_STDOUT|$PULUMI_COMMAND_STDERR>"';
    const olds = await create(local, { create: `${say}; echo e >&2` });
    expect(olds).toMatchObject({ stdout: "<|>", stderr: "e" });
    const again = await plugin.update(urn(local, "x"), olds, await checked(local, { create: `${say} # 2` }));
    expect(again).toMatchObject({ stdout: "<<|>|e>", stderr: "" });
    const update = await checked(local, { create: "echo no", update: `echo up; ${say}` });
    expect((await plugin.update(urn(local, "x"), olds, update)).stdout).toBe("up\n<<|>|e>");
    const without = await checked(local, { update: say, addPreviousOutputInEnv: false });
    expect((await plugin.update(urn(local, "x"), olds, without)).stdout).toBe("<|>");
  });

  it("is updated if nothing but its stdin has changed", async () => {
    const olds = await create(local, { create: "cat", stdin: "one" });
    const again = await checked(local, { create: "cat", stdin: "two" });
    expect((await plugin.update(urn(local, "x"), olds, again)).stdout).toBe("two");
    const update = { create: "cat", update: "echo up; cat" };
    const before = await create(local, { ...update, stdin: "one" });
    const after = await checked(local, { ...update, stdin: "two" });
    expect(await plugin.diff(urn(local, "x"), before, after)).toMatchObject({ changes: true, replaces: [] });
    expect((await plugin.update(urn(local, "x"), before, after)).stdout).toBe("up\ntwo");
  });

  it("keeps its outputs if an update has nothing to run", async () => {
    const olds = await create(local, { create: "echo kept" });
    expect((await plugin.update(urn(local, "x"), olds, await checked(local, { delete: "true" }))).stdout).toBe("kept");
  });

  it("is deleted with the environment of its state, and what it said last", async () => {
    const state = await create(local, {
      create: "echo said; echo moaned >&2",
      delete: 'echo "$WHO $PULUMI_COMMAND_STDOUT $PULUMI_COMMAND_STDERR" > gone',
      environment: { WHO: "me" },
    });
    await plugin.delete(urn(local, "x"), state);
    expect(readFileSync(join(directory, "gone"), "utf8")).toBe("me said moaned\n");
  });

  it("is read as it was left", async () => {
    const inputs = await checked(local, { create: "echo 1" });
    const { id, state } = await plugin.create(urn(local, "x"), inputs);
    expect(await plugin.read(urn(local, "x"), id, state, inputs)).toEqual(state);
  });

  it("fails with its exit code, itself, and all that it said, whatever is done to it", async () => {
    const script = 'echo "one"; echo two >&2; exit 3';
    const said = /^exit status 3: running "echo \\"one\\"; echo two >&2; exit 3":\n(one\ntwo|two\none)\n$/;
    const failing = await checked(local, { create: script, update: script, delete: script });
    const olds = await create(local, { create: "true" });
    await expect(plugin.create(urn(local, "x"), failing)).rejects.toThrow(said);
    await expect(plugin.update(urn(local, "x"), olds, failing)).rejects.toThrow(said);
    await expect(plugin.delete(urn(local, "x"), { ...failing, stdout: "", stderr: "" })).rejects.toThrow(said);
  });

  it("ends when the last process that writes to its streams does", async () => {
    const state = await create(local, { create: "(sleep 2.5; echo late) & echo now" });
    expect(state.stdout).toBe("now\nlate");
  });

  it("fails if its directory or its interpreter does not exist", async () => {
    const nowhere = await checked(local, { create: "true", dir: join(directory, "nowhere") });
    await expect(plugin.create(urn(local, "x"), nowhere)).rejects.toThrow(/nowhere: no such file or directory/);
    const nothing = await checked(local, { create: "true", interpreter: ["/no/such/shell"] });
    await expect(plugin.create(urn(local, "x"), nothing)).rejects.toThrow(/\/no\/such\/shell/);
  });

  it("shows its lines while it runs, beside its resource", async () => {
    const done = create(local, {
      create:
        "echo first; until [ -e one ]; do sleep 0.05; done; echo second >&2; until [ -e two ]; do sleep 0.05; done; printf last",
    });
    await until(() => messages().includes("first"));
    writeFileSync(join(directory, "one"), "");
    await until(() => messages().includes("second"));
    writeFileSync(join(directory, "two"), "");
    await done;
    expect(messages()).toEqual(["first", "second", "last"]);
    expect(
      plugin.logs.every((line) => line.severity === "info" && line.ephemeral && line.urn === urn(local, "x")),
    ).toBe(true);
  });

  it.each([
    ["stdout", ["out"]],
    ["stderr", ["err"]],
    ["stdoutAndStderr", ["out", "err"]],
    ["none", []],
  ])("shows with logging %s: %j", async (logging, shown) => {
    const state = await create(local, { create: "echo out; echo err >&2", logging });
    expect(messages().sort()).toEqual([...shown].sort());
    expect(state).toMatchObject({ stdout: "out", stderr: "err" });
  });

  it("keeps secrets secret, and shows none of them", async () => {
    const state = await create(local, {
      create: secret('test "$TOKEN" = s3cr3t && test "$(cat)" = hush && echo fine'),
      environment: secret({ TOKEN: "s3cr3t" }),
      stdin: secret("hush"),
    });
    expect(isSecret(state.create) && isSecret(state.environment) && isSecret(state.stdin)).toBe(true);
    expect(state.stdout).toBe("fine");
    expect(messages()).toEqual(["fine"]);
  });

  it("takes secrets inside of values, and keeps them secret", async () => {
    const state = await create(local, {
      create: "echo $1",
      interpreter: ["/bin/sh", "-c", secret('test "$TOKEN" = s3cr3t && eval "$0"')],
      environment: { TOKEN: secret("s3cr3t") },
    });
    expect(state.environment).toEqual({ TOKEN: secret("s3cr3t") });
    expect(JSON.stringify(messages())).not.toContain("s3cr3t");
  });

  it("is killed when the engine cancels", async () => {
    const outcome = failure(local, { create: "echo $$ > pid; exec sleep 60" });
    const pid = await pidIn(join(directory, "pid"));
    await plugin.cancel();
    expect(await outcome).toMatch(/killed|cancel/i);
    expect(runs(pid)).toBe(false);
  });
});

describe("files of a local command", () => {
  beforeEach(() => {
    for (const [name, text] of [
      ["assets/logos/logo.svg", "svg"],
      ["src/index.js", "js"],
      ["src/secret.js", "no"],
      ["src/deep/x.js", "x"],
    ] as const) {
      mkdirSync(join(directory, "work", name, ".."), { recursive: true });
      writeFileSync(join(directory, "work", name), text);
    }
  });

  it("are returned as assets by globs, later ones winning", async () => {
    const state = await create(local, {
      create: "echo made > src/made.js",
      dir: join(directory, "work"),
      assetPaths: ["assets/**", "src/*.js", "!**secret.*"],
    });
    const assets = state.assets as Record<string, Properties>;
    expect(Object.keys(assets).sort()).toEqual(["assets/logos/logo.svg", "src/index.js", "src/made.js"]);
    expect(assets["src/index.js"]).toMatchObject({
      path: join(directory, "work/src/index.js"),
      hash: createHash("sha256").update("js").digest("hex"),
    });
    expect(state.archive).toBeUndefined();
  });

  it("are returned as one archive by globs", async () => {
    const state = await create(local, { create: "true", dir: join(directory, "work"), archivePaths: ["src/**"] });
    const files = (state.archive as { assets: object }).assets;
    expect(Object.keys(files).sort()).toEqual(["src/deep/x.js", "src/index.js", "src/secret.js"]);
  });
});

describe("local.run", () => {
  it("runs at once, and returns what a command would", async () => {
    mkdirSync(join(directory, "sub"));
    const { result } = await plugin.invoke("command:local:run", {
      command: 'echo "$A"; cat; echo e >&2; echo made > made',
      interpreter: ["/bin/sh", "-ec"],
      dir: join(directory, "sub"),
      environment: { A: "1" },
      stdin: "in\n",
      assetPaths: ["*"],
    });
    expect(result).toMatchObject({ stdout: "1\nin", stderr: "e", environment: { A: "1" } });
    expect(result.assets).toMatchObject({ made: { path: join(directory, "sub/made") } });
    expect(messages().sort()).toEqual(["1", "e", "in"]);
    expect(plugin.logs.every((line) => line.severity === "info")).toBe(true);
  });

  it("shows nothing if logging is none", async () => {
    await plugin.invoke("command:local:run", { command: "echo quiet", logging: "none" });
    expect(messages()).toEqual([]);
  });

  it("fails as a command does, and needs one", async () => {
    await expect(plugin.invoke("command:local:run", { command: "echo x; exit 4" })).rejects.toThrow(
      /exit status 4: running "echo x; exit 4":\nx/,
    );
    const { failures } = await plugin.invoke("command:local:run", {});
    expect(failures.map((failure) => failure.property)).toEqual(["command"]);
  });
});

const canServe = existsSync("/usr/sbin/sshd") && process.getuid?.() === 0;

describe.skipIf(!canServe)("over ssh (needs root and openssh-server)", () => {
  let server: SshServer;
  let serverDirectory: string;
  let connection: Properties;

  beforeAll(async () => {
    serverDirectory = mkdtempSync(join(tmpdir(), "duet-sshd-"));
    server = await startSshServer(join(serverDirectory, "server"));
    connection = {
      host: "127.0.0.1",
      port: server.port,
      privateKey: server.privateKey,
      hostKey: server.hostKey,
      dialErrorLimit: 0,
    };
  });

  afterAll(async () => {
    await server.stop();
    rmSync(serverDirectory, { recursive: true, force: true });
  });

  describe("a connection", () => {
    it.each([
      ["a key", () => ({ privateKey: server.privateKey })],
      ["a key under a passphrase", () => ({ privateKey: server.encryptedKey, privateKeyPassword: "open sesame" })],
      ["a password", () => ({ password: server.password })],
    ])("is let in by %s", async (_, auth) => {
      const to = { host: "127.0.0.1", port: server.port, dialErrorLimit: 0, ...auth() };
      expect((await create(remote, { connection: to, create: "id -un" })).stdout).toBe("root");
    });

    it("is let in by an agent's key", async () => {
      const agentSocketPath = join(directory, "agent");
      const agent = spawn("ssh-agent", ["-D", "-a", agentSocketPath], { stdio: "ignore" });
      try {
        await until(() => existsSync(agentSocketPath));
        const key = join(serverDirectory, "server/client");
        execFileSync("ssh-add", ["-q", key], { env: { ...process.env, SSH_AUTH_SOCK: agentSocketPath } });
        const to = { host: "127.0.0.1", port: server.port, dialErrorLimit: 0, agentSocketPath };
        expect((await create(remote, { connection: to, create: "echo in" })).stdout).toBe("in");
      } finally {
        agent.kill();
      }
    });

    it("accepts any host key unless one is asked for, and then that one only", async () => {
      const { hostKey: _, ...trusting } = connection;
      expect((await create(remote, { connection: trusting, create: "echo in" })).stdout).toBe("in");
      expect((await create(remote, { connection, create: "echo in" })).stdout).toBe("in");
      const other = readFileSync(join(serverDirectory, "server/client.pub"), "utf8").trim();
      const wrong = { ...connection, hostKey: other };
      expect(await failure(remote, { connection: wrong, create: `touch ${directory}/ran` })).toMatch(
        /host key mismatch/,
      );
      expect(readdirSync(directory)).toEqual([]);
    });

    it("says so if a key is no key", async () => {
      expect(await failure(remote, { connection: { ...connection, hostKey: "nonsense" }, create: "true" })).toMatch(
        /key/,
      );
      expect(await failure(remote, { connection: { ...connection, privateKey: "nonsense" }, create: "true" })).toMatch(
        /key/,
      );
    });

    it("goes through a proxy, which is authenticated like any host", async () => {
      const before = server.log().length;
      const state = await create(remote, { connection: { ...connection, proxy: connection }, create: "echo through" });
      expect(state.stdout).toBe("through");
      expect(
        server
          .log()
          .slice(before)
          .match(/Accepted publickey/g),
      ).toHaveLength(2);
      const other = readFileSync(join(serverDirectory, "server/client.pub"), "utf8").trim();
      const wrong = { ...connection, proxy: { ...connection, hostKey: other } };
      expect(await failure(remote, { connection: wrong, create: "true" })).toMatch(/^proxy: .*host key mismatch/s);
    });

    it("is tried again as often as dialErrorLimit allows, and tells of it", async () => {
      const dead = { ...connection, port: await freePort(), dialErrorLimit: 2 };
      expect(await failure(remote, { connection: dead, create: "true" })).toMatch(/after 2 failed attempts: .*refused/);
      expect(messages()).toEqual(["Dial 1/2 failed: retrying", "Dial 2/2 failed: retrying"]);
    });

    it("is given up after perDialTimeout seconds if the server does not answer", async () => {
      const code = 'require("net").createServer().listen({ host: "127.0.0.1", port: 0, backlog: 1 }, function () {';
      const deaf = spawn(process.execPath, ["-e", `${code} console.log(this.address().port) })`], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const port = Number(String((await once(deaf.stdout, "data"))[0]));
      // A process that is stopped accepts nothing, and once its queue is full the kernel does not answer either.
      deaf.kill("SIGSTOP");
      let queued = 0;
      const filling = Array.from({ length: 8 }, () => connect(port, "127.0.0.1", () => queued++).on("error", () => {}));
      try {
        await until(() => queued >= 2);
        const dead = { ...connection, port, dialErrorLimit: 0, perDialTimeout: 1 };
        expect(await failure(remote, { connection: dead, create: "true" })).toMatch(/i\/o timeout/);
      } finally {
        for (const socket of filling) socket.destroy();
        deaf.kill("SIGKILL");
      }
    });

    it("is given up when the engine cancels", async () => {
      const dead = { ...connection, port: await freePort(), dialErrorLimit: -1 };
      const outcome = failure(remote, { connection: dead, create: "true" });
      await until(() => plugin.logs.length > 0);
      expect(messages()[0]).toBe("Dial 1/inf failed: retrying");
      await plugin.cancel();
      expect(await outcome).toMatch(/cancel/);
    });
  });

  describe("a remote command", () => {
    it("returns both streams without their last newline, and a secret connection", async () => {
      const state = await create(remote, { connection, create: "cat; echo e >&2", stdin: "in\n" });
      expect(state).toMatchObject({ stdout: "in", stderr: "e" });
      expect(isSecret(state.connection)).toBe(true);
    });

    it("is not run by a preview", async () => {
      const inputs = await checked(remote, { connection, create: `touch ${directory}/ran` });
      const { state } = await plugin.create(urn(remote, "x"), inputs, true);
      expect(state).toMatchObject({ stdout: unknown, stderr: unknown });
      expect(readdirSync(directory)).toEqual([]);
    });

    it("gets the variables that the server accepts, and fails for others", async () => {
      const state = await create(remote, { connection, create: "echo $ACCEPTED", environment: { ACCEPTED: "a 'b'" } });
      expect(state.stdout).toBe("a 'b'");
      const message = await failure(remote, { connection, create: "true", environment: { REFUSED: "v" } });
      expect(message).toMatch(/could not set environment variable "REFUSED"/);
      expect(messages().join()).toMatch(/Unable to set 'REFUSED'.*AcceptEnv/s);
    });

    it("is updated and deleted with what was said before", async () => {
      const olds = await create(remote, { connection, create: "echo one" });
      const inputs = await checked(remote, {
        connection,
        create: "echo no",
        update: "echo two after $PULUMI_COMMAND_STDOUT",
        delete: `echo "gone after $PULUMI_COMMAND_STDOUT" > ${directory}/gone`,
      });
      const state = await plugin.update(urn(remote, "x"), olds, inputs);
      expect(state.stdout).toBe("two after one");
      await plugin.delete(urn(remote, "x"), state);
      expect(readFileSync(join(directory, "gone"), "utf8")).toBe("gone after two after one\n");
    });

    it("is updated if nothing but its stdin has changed", async () => {
      const olds = await create(remote, { connection, create: "cat", stdin: "one" });
      const news = await checked(remote, { connection, create: "cat", stdin: "two" });
      expect((await plugin.diff(urn(remote, "x"), olds, news)).changes).toBe(true);
      expect((await plugin.update(urn(remote, "x"), olds, news)).stdout).toBe("two");
    });

    it("fails with its exit code, itself, and all that it said", async () => {
      expect(await failure(remote, { connection, create: "echo one; echo two >&2; exit 3" })).toMatch(
        /^Process exited with status 3: running "echo one; echo two >&2; exit 3":\n(one\ntwo|two\none)\n$/,
      );
    });

    it("shows its lines while it runs, as logging says", async () => {
      const done = create(remote, {
        connection,
        create: `echo first; echo hidden >&2; until [ -e ${directory}/go ]; do sleep 0.05; done; echo second`,
        logging: "stdout",
      });
      await until(() => messages().includes("first"));
      writeFileSync(join(directory, "go"), "");
      expect(await done).toMatchObject({ stdout: "first\nsecond", stderr: "hidden" });
      expect(messages()).toEqual(["first", "second"]);
      await create(remote, { connection, create: "echo out; echo err >&2", logging: "none" });
      expect(messages()).toEqual(["first", "second"]);
    });

    it("shows no secret", async () => {
      await create(remote, { connection: { ...connection, password: server.password }, create: "true" });
      const all = JSON.stringify(plugin.logs);
      expect(all).not.toContain(server.password);
      expect(all).not.toContain("PRIVATE KEY");
    });
  });

  describe("a copy", () => {
    let from: string;
    let to: string;

    beforeEach(() => {
      [from, to] = [join(directory, "from"), join(directory, "to")];
      mkdirSync(join(from, "folder/sub"), { recursive: true });
      mkdirSync(to);
      writeFileSync(join(from, "file"), "content");
      writeFileSync(join(from, "folder/a"), "A");
      writeFileSync(join(from, "folder/sub/b"), "B");
    });

    const read = (name: string) => readFileSync(join(to, name), "utf8");

    it("puts a file where it is told, into a folder, or over another file", async () => {
      const source = fileAsset(join(from, "file"));
      await create(copy, { connection, source, remotePath: join(to, "renamed") });
      expect(read("renamed")).toBe("content");
      await create(copy, { connection, source, remotePath: to });
      expect(read("file")).toBe("content");
      writeFileSync(join(to, "renamed"), "something longer than before");
      await create(copy, { connection, source, remotePath: join(to, "renamed") });
      expect(read("renamed")).toBe("content");
    });

    it("puts a folder into another one, and what is in it where its path ends in a slash", async () => {
      await create(copy, { connection, source: archive(join(from, "folder")), remotePath: to });
      expect([read("folder/a"), read("folder/sub/b")]).toEqual(["A", "B"]);
      await create(copy, { connection, source: archive(`${join(from, "folder")}/`), remotePath: join(to, "new") });
      expect([read("new/a"), read("new/sub/b")]).toEqual(["A", "B"]);
      const over = await failure(copy, {
        connection,
        source: archive(join(from, "folder")),
        remotePath: join(to, "new/a"),
      });
      expect(over).toMatch(/not a directory|failed to create/);
    });

    it("puts a text where it is told, and makes the folders on the way", async () => {
      await create(copy, { connection, source: textAsset("some text"), remotePath: join(to, "x/y/text") });
      expect(read("x/y/text")).toBe("some text");
      expect(await failure(copy, { connection, source: textAsset("t"), remotePath: to })).toMatch(/is a directory/);
    });

    it("is made again if source or path change, and only then", async () => {
      const path = join(to, "file");
      const inputs = await checked(copy, { connection, source: fileAsset(join(from, "file")), remotePath: path });
      const { id, state } = await plugin.create(urn(copy, "x"), inputs);
      expect(id).not.toBe("");
      writeFileSync(path, "edited");
      const elsewhere = await checked(copy, { ...inputs, connection: { ...connection, perDialTimeout: 5 } });
      await plugin.update(urn(copy, "x"), state, elsewhere);
      expect(read("file")).toBe("edited");
      writeFileSync(join(from, "file"), "new content");
      const fresh = await checked(copy, { connection, source: fileAsset(join(from, "file")), remotePath: path });
      expect((await plugin.diff(urn(copy, "x"), state, fresh)).changes).toBe(true);
      await plugin.update(urn(copy, "x"), state, fresh);
      expect(read("file")).toBe("new content");
      await plugin.delete(urn(copy, "x"), state);
      expect(read("file")).toBe("new content");
    });

    it("fails if the source does not exist", async () => {
      const inputs = { connection, source: archive(join(from, "nothing")), remotePath: to };
      expect(await failure(copy, inputs)).toMatch(/nothing/);
    });

    it("is done by the older CopyFile too", async () => {
      const inputs = { connection, localPath: join(from, "file"), remotePath: join(to, "old") };
      await create(copyFile, inputs);
      expect(read("old")).toBe("content");
    });
  });
});

// What README.md says that the stand-in does beyond the contract.
describe.runIf(isStandIn)("the stand-in", () => {
  it("takes a line of any length", async () => {
    const state = await create(local, { create: "head -c 200000 /dev/zero | tr '\\0' x" });
    expect(state.stdout).toBe("x".repeat(200_000));
    expect(messages()).toEqual([state.stdout]);
  });

  it("shows and returns bytes that are no text, marked", async () => {
    const state = await create(local, { create: "printf 'a\\377b\\n'" });
    expect(state.stdout).toBe("a\uFFFDb");
    expect(messages()).toEqual(["a\uFFFDb"]);
  });

  it("refuses a logging that does not exist", async () => {
    const { failures } = await plugin.check(urn(local, "x"), { create: "true", logging: "loud" });
    expect(failures).toEqual([{ property: "logging", reason: expect.stringContaining("'stdoutAndStderr'") }]);
  });

  it("does not wait for a child of a command that was cancelled", async () => {
    const outcome = failure(local, { create: "sleep 60 & echo $! > child; echo $$ > pid; wait" });
    const [child, pid] = [await pidIn(join(directory, "child")), await pidIn(join(directory, "pid"))];
    try {
      await plugin.cancel();
      expect(await outcome).toMatch(/cancel/);
      expect(runs(pid)).toBe(false);
    } finally {
      process.kill(child);
    }
  });

  describe.skipIf(!canServe)("over ssh", () => {
    let server: SshServer;

    beforeEach(async () => {
      server = await startSshServer(join(directory, "server"), ["ed25519", "ecdsa", "rsa"]);
    });

    afterEach(() => server.stop());

    const connection = () => ({
      host: "127.0.0.1",
      port: server.port,
      privateKey: server.privateKey,
      dialErrorLimit: 0,
    });

    it("asks for a host key of the kind that is expected", async () => {
      for (const hostKey of server.hostKeys) {
        const state = await create(remote, { connection: { ...connection(), hostKey }, create: "echo in" });
        expect(state.stdout, hostKey).toBe("in");
      }
    });

    it("drops the connection of a remote command that was cancelled", async () => {
      const outcome = failure(remote, {
        connection: connection(),
        create: `exec setpriv --pdeathsig KILL sh -c 'echo $$ > ${directory}/pid; exec sleep 60'`,
      });
      const pid = await pidIn(join(directory, "pid"));
      await plugin.cancel();
      expect(await outcome).toMatch(/cancel/);
      await until(() => !runs(pid));
    });
  });
});
