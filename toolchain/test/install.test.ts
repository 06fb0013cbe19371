import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { installed, installToolchain, toolchainEnvironment, usableGo } from "../install.ts";
import {
  artefacts,
  cacheDirectory,
  compareVersions,
  goBuild,
  goEnvironment,
  onPath,
  pulumiVersion,
  sourceKey,
} from "../recipe.ts";
import { pidIn, runs, until } from "./processes.ts";

vi.setConfig({ testTimeout: 30_000 });
const run = promisify(execFile);
/** All that PATH has in a test: neither the machine's Pulumi nor its Go. */
const tools = ["cat", "gzip", "setpriv", "sh", "sleep", "tar", "wc"];

let directory: string;
let env: NodeJS.ProcessEnv;
let log: string[];
let servers: Server[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "duet-install-"));
  env = { HOME: directory, XDG_CACHE_HOME: join(directory, "cache"), PATH: join(directory, "path") };
  mkdirSync(join(directory, "path"));
  for (const tool of tools) symlinkSync(onPath(tool, process.env.PATH)[0] ?? "missing", join(directory, "path", tool));
  log = [];
  servers = [];
});

afterEach(() => {
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true, force: true });
});

/** An executable shell script. */
function script(path: string, ...lines: string[]): string {
  const file = join(directory, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, ["#!/bin/sh", ...lines, ""].join("\n"));
  chmodSync(file, 0o755);
  return file;
}

/** A Go whose `build` writes what it was asked to build to $output, and counts its runs in `builds`. */
function fakeGo(version = "go1.26.8", ...beforeBuild: string[]): string {
  const go = script(
    "go/bin/go",
    `echo "$@" >> ${directory}/builds`,
    'while [ "$1" != -o ]; do shift; done',
    "output=$2 source=$3",
    ...beforeBuild,
    'echo "built $source" > "$output"',
  );
  writeFileSync(join(directory, "go/VERSION"), `${version}\ntime 2026-01-01T00:00:00Z\n`);
  return dirname(go);
}

const builds = () => {
  const file = join(directory, "builds");
  return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n").length : 0;
};

/** A release server on 127.0.0.1 that answers as told. */
async function releases(answer: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(answer as never).listen(0, "127.0.0.1");
  servers.push(server);
  await new Promise((resolve) => server.once("listening", resolve));
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const nothingThere = () =>
  releases(((_: unknown, reply: { writeHead(code: number): { end(): void } }) => reply.writeHead(404).end()) as never);

/** A `pulumi` of some version; `plugins` is the exit code of what downloads plugins. */
function fakePulumi(version: string, plugins: number, path = "path/pulumi"): string {
  return script(path, `[ "$1" = version ] && echo ${version} && exit 0`, `exit ${plugins}`);
}

describe("the key", () => {
  const copyOf = () => {
    const root = join(directory, "toolchain");
    for (const module of ["pulumi", "bridge", "libvirt"]) {
      cpSync(join(import.meta.dirname, "..", module), join(root, module), { recursive: true });
    }
    return root;
  };

  it("is the same for the same sources anywhere, and another one for any change", () => {
    const root = copyOf();
    const before = sourceKey(root);
    expect(before).toMatch(/^[0-9a-f]{16}$/);
    expect(before).toBe(sourceKey(join(import.meta.dirname, "..")));
    for (const file of [
      "bridge/go.sum",
      "libvirt/go.mod",
      "pulumi/language-nodejs/main.go",
      "pulumi/resource-command/schema.json",
    ]) {
      const text = readFileSync(join(root, file));
      writeFileSync(join(root, file), Buffer.concat([text, Buffer.from("\n")]));
      expect(sourceKey(root), file).not.toBe(before);
      writeFileSync(join(root, file), text);
    }
    expect(sourceKey(root)).toBe(before);
  });
});

describe("versions", () => {
  it.each([
    ["3.250.0", "v3.250.0", 0],
    ["v3.249.9", "3.250.0", -1],
    ["v4.0.0", "3.250.0", 1],
    ["3.250.0-dev.1", "3.250.0", 0],
    ["go1.26", "1.26", 0],
    ["go1.19.8", "1.26", -1],
    ["go1.26.8", "1.26", 1],
    ["go1.27rc1", "1.26", 1],
  ])("%s against %s: %i", (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
  });
});

describe("paths and environments", () => {
  it("honours XDG_CACHE_HOME, empty meaning unset", () => {
    expect(cacheDirectory({ XDG_CACHE_HOME: "/c", HOME: "/h" })).toBe("/c/duet");
    expect(cacheDirectory({ XDG_CACHE_HOME: "", HOME: "/h" })).toBe("/h/.cache/duet");
  });

  it("builds without C, without the user's flags, and keeps the user's proxy", () => {
    mkdirSync(join(directory, ".config/go"), { recursive: true });
    writeFileSync(join(directory, ".config/go/env"), "GOPROXY=https://proxy.example\nGOFLAGS=-mod=vendor\n");
    const made = goEnvironment({ ...env, GOFLAGS: "-race", CGO_ENABLED: "1" }, "/c");
    expect(made).toMatchObject({
      CGO_ENABLED: "0",
      GOFLAGS: "-buildvcs=false",
      GOCACHE: "/c/go/build",
      GOMODCACHE: "/c/go/mod",
      GOPROXY: "https://proxy.example",
    });
    expect(goEnvironment({ ...env, GOPROXY: "off" }, "/c").GOPROXY).toBe("off");
  });

  it("tells the built Pulumi its version", () => {
    const cli = artefacts[0];
    expect(cli && goBuild(cli, "/out").join(" ")).toContain(`version.Version=v${pulumiVersion} -o /out`);
  });

  it("finds executables in order, and neither folders, nor plain files, nor what is left out", () => {
    const [a, b] = [script("a/tool"), script("b/tool")];
    mkdirSync(join(directory, "c/tool"), { recursive: true });
    mkdirSync(join(directory, "d"), { recursive: true });
    writeFileSync(join(directory, "d/tool"), "");
    const path = ["c", "d", "none", "a", "b"].map((name) => join(directory, name)).join(":");
    expect(onPath("tool", path)).toEqual([a, b]);
    expect(onPath("tool", path, [a])).toEqual([b]);
    expect(onPath("tool", undefined)).toEqual([]);
  });

  it("puts the toolchain in front of PATH and sets PULUMI_HOME", () => {
    const found = { pulumi: "/t/bin/pulumi", path: ["/t/bin"], home: "/t/home", source: "built" } as const;
    expect(toolchainEnvironment(found, { PATH: "/bin", A: "1" })).toEqual({
      PATH: "/t/bin:/bin",
      A: "1",
      PULUMI_HOME: "/t/home",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    });
  });
});

describe("a pulumi on PATH", () => {
  it("is used if it is new enough, has its language host, and gets its plugins", async () => {
    const pulumi = fakePulumi("v3.260.1", 0);
    script("path/pulumi-language-nodejs");
    const options = { log: (line: string) => log.push(line), releases: await nothingThere(), goPlaces: [] };
    const found = await installToolchain(env, options);
    expect(found).toMatchObject({ pulumi, home: join(directory, ".pulumi"), source: "path" });
    expect(installed(env)).toEqual(found);
    expect(await installToolchain({ ...env, PULUMI_HOME: "/p" }, options)).toMatchObject({ home: "/p" });
  });

  it("puts nothing in front of PATH: an old Node may be where it is", async () => {
    fakePulumi("v3.260.1", 0, "old/pulumi");
    script("old/pulumi-language-nodejs");
    script("old/node");
    env.PATH = `${env.PATH}:${directory}/old`;
    const found = await installToolchain(env, { log: () => {}, releases: await nothingThere(), goPlaces: [] });
    expect(toolchainEnvironment(found, env).PATH).toBe(env.PATH);
  });

  it("is looked at if it came, or became fit, after all was built", async () => {
    const options = { log: () => {}, releases: await nothingThere(), goPlaces: [fakeGo()] };
    expect((await installToolchain(env, options)).source).toBe("built");
    fakePulumi("v3.250.0", 0);
    expect((await installToolchain(env, options)).source).toBe("built");
    script("path/pulumi-language-nodejs");
    expect((await installToolchain(env, options)).source).toBe("path");
  });

  it.each([
    ["cannot download them", "exit 1", nothingThere],
    ["hangs, and no server answers", "exec sleep 60", () => releases(() => {})],
  ])("gets plugins that are built if it %s", async (_, plugins, server) => {
    script("path/pulumi", '[ "$1" = version ] && echo v3.250.0 && exit 0', plugins);
    script("path/pulumi-language-nodejs");
    env.PATH = `${fakeGo()}:${env.PATH}`;
    const found = await installToolchain(env, {
      log: (line) => log.push(line),
      releases: await server(),
      patience: 300,
    });
    expect(found.source).toBe("path");
    expect(builds()).toBe(3);
    expect(existsSync(join(found.home, "plugins/resource-command-v1.2.1/pulumi-resource-command"))).toBe(true);
  });

  it.each([
    ["v3.249.0", true, /it is v3\.249\.0, and 3\.250\.0 or newer is needed/],
    ["v3.250.0", false, /no pulumi-language-nodejs/],
    ["garbage", true, /does not say its version \("garbage"\)/],
  ])("of version %s, language host %s, is refused", async (version, hasHost, why) => {
    fakePulumi(version, 0);
    if (hasHost) script("path/pulumi-language-nodejs");
    env.PATH = `${fakeGo()}:${env.PATH}`;
    const found = await installToolchain(env, { log: (line) => log.push(line), releases: await nothingThere() });
    expect(found.source).toBe("built");
    expect(log[0]).toMatch(why);
    log = [];
    expect(await installToolchain(env, { log: (line) => log.push(line) })).toEqual(found);
    expect(log).toEqual([]);
  });

  it("that fails is refused", async () => {
    script("path/pulumi", "exit 1");
    env.PATH = `${fakeGo()}:${env.PATH}`;
    await installToolchain(env, { log: (line) => log.push(line), releases: await nothingThere() });
    expect(log[0]).toContain("`pulumi version` fails");
  });
});

describe("the official release", () => {
  it("is unpacked and used if it can be had", async () => {
    const stage = join(directory, "stage");
    fakePulumi("v3.250.0", 0, "stage/pulumi/pulumi");
    script("stage/pulumi/pulumi-language-nodejs");
    await run("tar", ["-czf", join(directory, "release.tar.gz"), "-C", stage, "pulumi"]);
    const asked: string[] = [];
    const server = await releases(((request: { url: string }, reply: { end(body: Buffer): void }) => {
      asked.push(request.url);
      reply.end(readFileSync(join(directory, "release.tar.gz")));
    }) as never);
    const found = await installToolchain(env, { log: (line) => log.push(line), releases: server, goPlaces: [] });
    expect(asked).toEqual([expect.stringMatching(/^\/pulumi-v3\.250\.0-linux-(x64|arm64)\.tar\.gz$/)]);
    expect(found.source).toBe("release");
    expect((await run(found.pulumi, ["version"])).stdout).toBe("v3.250.0\n");
    expect(existsSync(join(found.path[0] ?? "", "pulumi-language-nodejs"))).toBe(true);
    expect(installed(env)).toEqual(found);
  });

  it.each([
    ["does not answer", () => {}, /no answer in time/],
    [
      "has no such file",
      (_: unknown, reply: { writeHead(code: number): { end(): void } }) => reply.writeHead(404).end(),
      /404/,
    ],
    ["sends what is no archive", (_: unknown, reply: { end(body: string): void }) => reply.end("x".repeat(1000)), /./],
  ])("is done without if the server %s", async (_, answer, why) => {
    env.PATH = `${fakeGo()}:${env.PATH}`;
    const server = await releases(answer as never);
    const found = await installToolchain(env, { log: (line) => log.push(line), releases: server, patience: 300 });
    expect(found.source).toBe("built");
    expect(log.find((line) => line.includes("no release of Pulumi"))).toMatch(why);
    const root = join(directory, "cache/duet/toolchain");
    expect(readdirSync(root).filter((name) => name.startsWith("release"))).toEqual([]);
  });
});

it("asks for the official release through the user's proxy", async () => {
  const asked: string[] = [];
  const proxy = createServer().on("connect", ({ url = "" }, socket) => {
    asked.push(url);
    socket.destroy();
  });
  servers.push(proxy.listen(0, "127.0.0.1"));
  await once(proxy, "listening");
  const { port } = proxy.address() as AddressInfo;
  const launcher = spawn(join(import.meta.dirname, "../../bin/pulumi"), ["version"], {
    detached: true,
    env: { ...env, PATH: process.env.PATH, https_proxy: `http://127.0.0.1:${port}` },
    stdio: "ignore",
  });
  try {
    await until(() => asked.length > 0);
    expect(asked[0]).toBe("get.pulumi.com:443");
  } finally {
    process.kill(-Number(launcher.pid), "SIGKILL");
    await once(launcher, "exit");
  }
});

describe("a build", () => {
  const options = async () => ({ log: (line: string) => log.push(line), releases: await nothingThere(), goPlaces: [] });

  it("makes each artefact once, names each step, and costs nothing the second time", async () => {
    env.PATH = `${fakeGo()}:${env.PATH}`;
    const found = await installToolchain(env, await options());
    expect(builds()).toBe(artefacts.length);
    const root = dirname(dirname(found.pulumi));
    expect(root).toBe(
      join(directory, "cache/duet/toolchain", `${sourceKey(join(import.meta.dirname, ".."))}-go1.26.8`),
    );
    for (const artefact of artefacts) expect(existsSync(join(root, artefact.target)), artefact.name).toBe(true);
    expect(found).toEqual({
      pulumi: join(root, "bin/pulumi"),
      path: [join(root, "bin")],
      home: join(root, "home"),
      source: "built",
    });
    for (const artefact of artefacts) {
      expect(log.filter((line) => line.includes(artefact.name)).at(-1)).toMatch(/done in \d+ s$/);
    }
    expect(installed(env)).toEqual(found);
    await installToolchain(env, await options());
    expect(builds()).toBe(artefacts.length);
  });

  it("is found again after Go is gone", async () => {
    const path = env.PATH;
    env.PATH = `${fakeGo()}:${path}`;
    const found = await installToolchain(env, await options());
    env.PATH = path;
    expect(installed(env, { goPlaces: [] })).toEqual(found);
  });

  const atThird = (words: string) => `[ $(wc -l < ${directory}/builds) = 3 ] && ${words}`;

  it("goes on after a failure with what was missing", async () => {
    env.PATH = `${fakeGo("go1.26.8", atThird('echo "x.go:1:2: broken" >&2 && exit 1'))}:${env.PATH}`;
    await expect(installToolchain(env, await options())).rejects.toThrow(
      /^cannot build command plugin 1\.2\.1: x\.go:1:2: broken$/,
    );
    expect(installed(env)).toBeUndefined();
    await installToolchain(env, await options());
    expect(builds()).toBe(artefacts.length + 1);
  });

  it.each(["SIGKILL", "SIGTERM", "SIGINT"] as const)(
    "goes on after %s where it stopped, and leaves nothing behind",
    async (signal) => {
      const hang = `echo half > "$output" && echo $$ > ${directory}/pid && exec sleep 60`;
      env.PATH = `${fakeGo("go1.26.8", atThird(hang))}:${env.PATH}`;
      const install = JSON.stringify(join(import.meta.dirname, "../install.ts"));
      const code = `import { installToolchain } from ${install};
      await installToolchain(process.env, { releases: ${JSON.stringify(await nothingThere())}, goPlaces: [] });`;
      const words = ["--input-type=module", "--eval", code];
      const installing = spawn(process.execPath, words, { env, stdio: "ignore" });
      const ended = once(installing, "close");
      const pid = await pidIn(join(directory, "pid"));
      installing.kill(signal);
      await ended;
      await until(() => !runs(pid));
      expect(installed(env)).toBeUndefined();

      const found = await installToolchain(env, await options());
      expect(builds()).toBe(artefacts.length + 1);
      const files = readdirSync(dirname(dirname(found.pulumi)), { recursive: true, encoding: "utf8" });
      expect(files.filter((name) => name.includes(".build-"))).toEqual([]);
      for (const artefact of artefacts) {
        const built = readFileSync(join(dirname(dirname(found.pulumi)), artefact.target), "utf8");
        expect(built).toBe(`built ${artefact.source}\n`);
      }
    },
  );

  it("is done once by two installations at the same time", async () => {
    env.PATH = `${fakeGo("go1.26.8", "sleep 0.1")}:${env.PATH}`;
    const [one, two] = await Promise.all([
      installToolchain(env, await options()),
      installToolchain(env, await options()),
    ]);
    expect(two).toEqual(one);
    expect(builds()).toBe(artefacts.length);
  });

  it("says in one line which Go is missing", async () => {
    const none = await installToolchain(env, await options()).catch((error: Error) => error.message);
    expect(none).toBe(
      "Pulumi or its plugins have to be built here, which needs Go 1.26 or newer, and none was found: install the " +
        "package golang-1.26 or, if apt has none (Debian 12), unpack go1.26 of https://go.dev/dl into /usr/local.",
    );
    env.PATH = `${fakeGo("go1.19.8")}:${env.PATH}`;
    await expect(usableGo(env, { goPlaces: [] })).rejects.toThrow(
      `and go1.19.8 was found (${directory}/go/bin/go): install`,
    );
  });

  it("takes a Go that is new enough before one that comes first on PATH", async () => {
    const old = dirname(script("old/bin/go"));
    writeFileSync(join(directory, "old/VERSION"), "go1.19.8\n");
    const found = await usableGo({ ...env, PATH: `${old}:${env.PATH}` }, { goPlaces: [fakeGo()] });
    expect(found).toEqual({ go: join(directory, "go/bin/go"), version: "go1.26.8" });
  });
});
