import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, given, localHost, localStep } from "../../test/support/mocks.ts";
import { lastLine, runLibrary, runStep, type Stubs } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script-text.ts";
import { toolchainOf, toolchainPackages } from "./toolchain.ts";

const isRoot = process.getuid?.() === 0;

let root: string;
beforeEach(() => {
  root = temporaryFolder("a toolchain-");
});

describe.runIf(isRoot)("a build root", () => {
  const within = (call: string) => {
    const values = { uid: 54321, gid: 54322, directory: join(root, "a", "sources"), build_root: "/", compiler: "gcc" };
    mkdirSync(values.directory, { recursive: true });
    return runLibrary(scriptText(import.meta.url, "toolchain.sh", values), `use_toolchain; ${call}`);
  };

  it("has the sources at their own path, for the developer, and nothing of the root can be written", async () => {
    const sources = join(root, "a", "sources");
    writeFileSync(join(root, "beside"), "");
    const ran = await within(
      `as_developer bash -c 'id -u; cd "$1" && ls -A ..; touch /usr/x || touch /tmp/x && echo done' bash '${sources}'`,
    );
    expect(ran.stdout).toBe("54321\nsources\ndone\n");
    expect(existsSync("/usr/x")).toBe(false);
  });

  it("ends with all that runs in it if the shell dies that has entered it", async () => {
    const ran = await within(
      `( become_developer; "\${become[@]}" bash -c 'sleep 4242.5 & echo started; wait' & sleep 1; kill -KILL "$BASHPID" ) || true
       for _ in $(seq 50); do pgrep -f '^sleep 4242[.]5$' >/dev/null || { echo ended; break; }; sleep 0.1; done`,
    );
    expect(ran.stdout).toBe("started\nended\n");
  });
});

describe("making a build root", () => {
  const target = () => join(root, "cache", "build-root", "bullseye-1");
  const noted = () => join(root, "state", "toolchain");
  const script = (mirror = "") =>
    scriptText(import.meta.url, "build-root.sh", {
      ...{ suite: "bullseye", mirror, packages: ["gcc", "make"], target: target(), noted: noted() },
      ...{ owner: "54321:54322", fetch_namespace: undefined },
    });
  const mmdebstrap = (end: string): Stubs => ({
    mmdebstrap: `printf '%s\\n' "$@"; mkdir -p '${target()}.new/var/cache/apt'; ${end}`,
  });
  beforeEach(() => mkdirSync(join(root, "state")));

  it.runIf(isRoot)("has mmdebstrap make it once, notes it, and hands on where it is", async () => {
    const ran = await runStep(script("https://mirror/debian"), ["create", "facts"], { stubs: mmdebstrap("") });
    expect(ran.stdout).toBe(`root: ${target()}\nbuild root of bullseye: there\n`);
    expect(ran.stderr).toMatch(/--include=gcc,make\nbullseye\n.*\.new\nhttps:\/\/mirror\/debian\n/);
    expect(readFileSync(noted(), "utf8")).toBe(`${target()}\n`);
    expect((await runStep(script(), "create", { stubs: mmdebstrap("exit 9") })).stdout).toBe(`root: ${target()}\n`);
  });

  it.runIf(isRoot)(
    "says what mmdebstrap says is wrong, and leaves nothing that could be taken for a root",
    async () => {
      const ran = await runStep(script(), "create", { stubs: mmdebstrap("echo 'E: no such suite' >&2; exit 25") });
      expect(lastLine(ran)).toMatch(/^cannot make a build root of bullseye: E: no such suite; correct /);
      expect([existsSync(target()), existsSync(noted())]).toEqual([false, false]);
      expect((await runStep(script(), "create", { stubs: mmdebstrap("") })).code).toBe(0);
    },
  );

  it.runIf(isRoot)("is missed if it goes, and stays in the cache at the end", async () => {
    await runStep(script(), ["create", "delete"], { stubs: mmdebstrap("") });
    expect([existsSync(target()), existsSync(noted())]).toEqual([true, false]);
    rmSync(target(), { recursive: true });
    expect((await runStep(script(), "facts")).stdout).toBe("build root of bullseye: \n");
  });
});

describe("a toolchain", () => {
  it("is the host's gcc, another of its compilers, a root that is there, or one that is made of a suite", async () => {
    const host = () => localHost();
    expect(toolchainOf("host", host(), {})).toEqual({ build_root: "", compiler: "gcc" });
    expect(toolchainOf({ cc: "gcc-9" }, host(), {})).toEqual({ build_root: "", compiler: "gcc-9" });
    expect(toolchainOf({ root: "/roots/old" }, host(), {})).toEqual({ build_root: "/roots/old", compiler: "gcc" });
    const printed = { toolchain: "root: /cache/build-root/bullseye" };
    const made = async (mirror?: string) =>
      localStep(
        await deploy(() => void toolchainOf({ suite: "bullseye", mirror }, localHost(), {}), printed),
        "toolchain",
      );
    const targets = [given(await made(), "target"), given(await made("http://mirror"), "target")];
    expect(targets[0]).toMatch(/^\/cache\/build-root\/bullseye-[0-9a-f]{8}$/);
    expect(targets[0]).not.toBe(targets[1]);
  });

  it("needs what Debian has of it", () => {
    expect(toolchainPackages("host")).toEqual([]);
    expect(toolchainPackages({ cc: "gcc-11" })).toEqual(["gcc-11"]);
    expect(toolchainPackages({ cc: "/opt/gcc/bin/gcc" })).toEqual([]);
    expect(toolchainPackages({ suite: "bullseye" })).toEqual(["bubblewrap"]);
  });
});
