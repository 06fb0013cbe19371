import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { writeProgram } from "../test/support/run-script.ts";
import { temporaryFolder } from "../test/support/temporary-folder.ts";
import { checkpoints, type Pulumi } from "./backend.ts";
import { isConfigured, stackConfiguration } from "./configuration.ts";
import { stackFolder } from "./environment.ts";
import { backendOf, cachedInUse, giveBack, makeBackend, makeStackFolder, passphraseFile } from "./state.ts";

let home: string;
let state: string;
let stops: number;
beforeEach(() => {
  home = temporaryFolder("duet-state-");
  state = join(home, "not/there/yet/duet");
  stops = 0;
});

const stop = async () => {
  stops++;
  rmSync(join(state, "sandbox"), { recursive: true, force: true });
};

/** A pulumi that keeps checkpoints as the real one does, and writes a salt if there is none. */
function pulumiOf(stack: string): Pulumi {
  const program = join(home, "pulumi");
  writeProgram(
    program,
    `shift 3
case "$1 $2" in
"stack init") mkdir -p "$BACKEND"; echo '{"checkpoint":{}}' >"$BACKEND/$3.json"; grep -q ^encryptionsalt: Pulumi.$3.yaml || echo "encryptionsalt: v1:salt" >>Pulumi.$3.yaml ;;
"stack rm") rm "$BACKEND/$6.json" ;;
*) echo "error: what is $*" >&2; exit 1 ;;
esac`,
  );
  const environment = { ...process.env, BACKEND: checkpoints(backendOf(state)) };
  return { program, directory: stackFolder(state, stack), environment };
}

/** Makes a stack as `up` does, and gives the path of its configuration. */
function make(stack: string, spec = "config: {}\n"): string {
  makeStackFolder(state, stack);
  makeBackend(state);
  const file = join(home, `${stack}.yaml`);
  writeFileSync(file, spec);
  return stackConfiguration(file, state, stack, pulumiOf(stack));
}
const end = (stack: string) => giveBack(state, stack, async () => pulumiOf(stack), stop);

describe("a spec", () => {
  const heeded = () => isConfigured(join(home, "dev.yaml"), state, "dev");

  it("is the one that was heeded before, whatever salt either file has, until it changes", () => {
    writeFileSync(join(home, "dev.yaml"), "config: {}\n");
    expect(heeded()).toBe(false);
    make("dev");
    expect(heeded()).toBe(true);
    writeFileSync(join(home, "dev.yaml"), "config: {}\nencryptionsalt: v1:other\n");
    expect(heeded()).toBe(true);
    writeFileSync(join(home, "dev.yaml"), "config: { a: 1 }\n");
    expect(heeded()).toBe(false);
  });
});

describe("the state of a stack", () => {
  it("is nobody else's to read", () => {
    make("dev");
    for (const path of [state, stackFolder(state, "dev"), backendOf(state), join(state, "stacks")]) {
      expect(statSync(path).mode & 0o777).toBe(0o700);
    }
    expect(statSync(passphraseFile(state)).mode & 0o777).toBe(0o600);
  });

  it("has a copy of the spec with the salt, which follows the spec", () => {
    expect(readFileSync(make("dev"), "utf8")).toBe("config: {}\nencryptionsalt: v1:salt\n");
    expect(readFileSync(make("dev", "config: { a: 1 }"), "utf8")).toBe("config: { a: 1 }\nencryptionsalt: v1:salt\n");
    expect(readFileSync(join(home, "dev.yaml"), "utf8")).toBe("config: { a: 1 }");
  });

  it("takes the salt of the spec if that has secrets of its own", () => {
    make("dev");
    expect(readFileSync(make("dev", "encryptionsalt: v1:own\n"), "utf8")).toBe("encryptionsalt: v1:own\n");
  });

  it("keeps the copy for destroy if the spec is gone", () => {
    const own = make("dev");
    const before = readFileSync(own, "utf8");
    stackConfiguration(join(home, "gone.yaml"), state, "dev", pulumiOf("dev"));
    expect(readFileSync(own, "utf8")).toBe(before);
  });

  it("is made once, and the passphrase stays", () => {
    make("dev");
    const before = readFileSync(passphraseFile(state), "utf8");
    make("other");
    expect(readFileSync(passphraseFile(state), "utf8")).toBe(before);
  });

  it("that cannot be written is one line", () => {
    writeFileSync(join(home, "file"), "");
    expect(() => makeStackFolder(join(home, "file/duet"), "dev")).toThrow(
      /^cannot keep state in \S+: it cannot be written \(ENOTDIR\); set XDG_STATE_HOME$/,
    );
  });
});

it("knows what stacks need of the cache: images, and build roots", () => {
  expect(cachedInUse(state)).toEqual([]);
  make("dev");
  make("other");
  writeFileSync(join(stackFolder(state, "dev"), "image"), "/cache/image/a/b.qcow2\n");
  writeFileSync(join(stackFolder(state, "other"), "toolchain"), "/cache/build-root/bullseye-1\n");
  expect(cachedInUse(state)).toEqual(["/cache/image/a/b.qcow2", "/cache/build-root/bullseye-1"]);
});

describe("giving back", () => {
  it("leaves nothing, not even the folders that were made on the way", async () => {
    make("dev");
    await end("dev");
    expect(readdirSync(home).filter((name) => name === "not")).toEqual([]);
    expect(stops).toBe(1);
  });

  it("leaves the folders that were there, and what is in them", async () => {
    mkdirSync(join(home, "not/there"), { recursive: true });
    make("dev");
    await end("dev");
    expect(readdirSync(join(home, "not/there"))).toEqual([]);
  });

  it("is harmless when repeated, and for a stack that never was", async () => {
    await end("never");
    make("dev");
    await end("dev");
    await end("dev");
    expect(existsSync(join(home, "not"))).toBe(false);
  });

  it("keeps the embedded host for another stack", async () => {
    make("dev");
    make("other");
    await end("dev");
    expect(stops).toBe(0);
    expect(readdirSync(join(state, "stacks"))).toEqual(["other"]);
    expect(readdirSync(checkpoints(backendOf(state)))).toEqual(["other.json"]);
    await end("other");
    expect(stops).toBe(1);
    expect(existsSync(state)).toBe(false);
  });

  it("keeps the state for a stack of another backend, and the embedded host with it", async () => {
    make("dev");
    mkdirSync(join(state, "sandbox"));
    makeStackFolder(state, "workstation");
    await giveBack(state, "workstation");
    expect(readdirSync(join(state, "stacks"))).toEqual(["dev"]);
    makeStackFolder(state, "workstation");
    await end("dev");
    expect(readdirSync(join(state, "stacks"))).toEqual(["workstation"]);
    await giveBack(state, "workstation");
    expect(existsSync(state)).toBe(false);
  });

  it("works if somebody has deleted the stack's folder", async () => {
    make("dev");
    rmSync(stackFolder(state, "dev"), { recursive: true });
    await end("dev");
    expect(existsSync(state)).toBe(false);
  });

  it("says so if pulumi refuses, and keeps everything", async () => {
    make("dev");
    const broken = { ...pulumiOf("dev"), program: join(home, "broken") };
    writeProgram(broken.program, "echo 'error: still has resources' >&2; exit 1");
    await expect(giveBack(state, "dev", async () => broken, stop)).rejects.toThrow(/still has resources$/);
    expect(existsSync(stackFolder(state, "dev"))).toBe(true);
  });
});
