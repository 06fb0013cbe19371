import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { deploy, given, localHost, localStep, settled } from "../../test/support/mocks.ts";
import { lastLine, runStep } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";
import { Image, type ImageSource } from "./image.ts";

let root: string;
let path: string;
let calls: string;
beforeEach(() => {
  root = temporaryFolder("it's an image-");
  path = join(root, "images $(x)", "debian.qcow2");
  calls = join(root, "calls");
});

const sha256 = (text: string) => execFileSync("sha256sum", { input: text, encoding: "utf8" }).slice(0, 64);
const url = "https://example.org/it's $(x).qcow2";
const script = ({ path, sha256, url, build = [] }: ImageSource, namespace?: string) =>
  scriptText(import.meta.url, "image.sh", {
    ...{ path, sha256, url, build, owner: undefined, fetch_namespace: namespace, smallest_disk: 8 },
    ...{ uri: "qemu:///system", pool: "duet-dev", volume: "image.qcow2", noted: join(root, "noted") },
  });
const make = (source: ImageSource, stubs = {}, namespace?: string) =>
  runStep(script(source, namespace), "create", {
    stubs: { "qemu-img": info("qcow2", 8 * 1024 ** 3), virsh: "exit 1", ...stubs },
  });
/** What qemu-img says of an image. */
const info = (format: string, bytes: number) =>
  `printf 'image: a\\nfile format: ${format}\\nvirtual size: 2 GiB (${bytes} bytes)\\n'`;
/** Writes `text` to the file after curl's -o, as a download. */
const curl = (text: string) => `while [ "$1" != -o ]; do shift; done; echo progress; printf '%s' '${text}' >"$2"`;

describe("an image that is a file", () => {
  beforeEach(() => execFileSync("install", ["-D", "/dev/null", path]));

  it("is taken where it is", async () => {
    expect(await make({ path })).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });

  it("is compared with the checksum that was asked for", async () => {
    writeFileSync(path, "debian");
    expect(await make({ path, sha256: sha256("debian") })).toMatchObject({ code: 0, stdout: "" });
    const ran = await make({ path, sha256: sha256("other") });
    expect(ran).toMatchObject({ code: 1, stdout: "" });
    for (const part of [path, sha256("other"), sha256("debian")]) {
      expect(lastLine(ran)).toContain(part);
    }
  });

  it("is an error if it is not there", async () => {
    rmSync(path);
    const ran = await make({ path });
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toContain(`cannot use image ${path}: `);
  });

  it("is not changed under the disks of guests, which are named; without any it is", async () => {
    const other = join(root, "other.qcow2");
    writeFileSync(other, "");
    const volumes = (...names: readonly string[]) => ({
      virsh: `case $4 in pool-list) printf '%-20s\\n' default duet-dev zz; exit ;; esac; [ "$4 $5" = 'vol-list duet-dev' ] && printf ' %s   /images/%s\\n' ${names.flatMap((name) => [name, name]).join(" ")}`,
    });
    await make({ path }, volumes("image.qcow2", "one.qcow2", "two.qcow2", "one-12-seed.iso"));
    const ran = await make({ path: other }, volumes("image.qcow2", "one.qcow2", "two.qcow2", "one-12-seed.iso"));
    expect(lastLine(ran)).toMatch(/^cannot use image .*: the disks of one two are made of .* lost; ask /);
    expect(lastLine(ran)).toContain(path);
    expect((await make({ path }, volumes("image.qcow2", "one.qcow2"))).code).toBe(0);
    // What cannot be told is not taken for nothing.
    expect((await make({ path: other }, { virsh: "[ $4 = pool-list ] && echo duet-dev" })).code).not.toBe(0);
    expect((await make({ path: other }, volumes("image.qcow2"))).code).toBe(0);
  });

  it("is refused if it is no qcow2, or larger than a guest's disk, by what to do", async () => {
    const raw = await make({ path }, { "qemu-img": info("raw", 1 << 30) });
    expect(lastLine(raw)).toMatch(/^cannot use image .* raw, .*; do qemu-img convert -O qcow2 /);
    const large = await make({ path }, { "qemu-img": info("qcow2", 8 * 1024 ** 3 + 1) });
    expect(lastLine(large)).toMatch(/^cannot use image .* 8589934593 bytes, .* 8 GiB; ask for 9 GiB /);
  });

  it("is looked at as it is, by qemu-img itself", async () => {
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", path, "1G"]);
    const real = { "qemu-img": 'exec /usr/bin/qemu-img "$@"' };
    expect((await make({ path }, real)).code).toBe(0);
    execFileSync("qemu-img", ["create", "-q", "-f", "raw", path, "1M"]);
    expect(lastLine(await make({ path }, real))).toContain("its format is raw");
  });

  it("drifts if it is exchanged, and if it goes", async () => {
    const facts = async () => (await runStep(script({ path }), "facts")).stdout;
    const before = await facts();
    expect(before).toMatch(/^image: 0 bytes of \d+\n$/);
    expect(await facts()).toBe(before);
    utimesSync(path, 1, 1);
    expect(await facts()).not.toBe(before);
    rmSync(path);
    expect(await facts()).toBe("");
  });
});

describe("an image of the net", () => {
  const source = () => ({ path, url, sha256: sha256("debian") });

  it("is fetched once, and stays", async () => {
    expect(await make(source(), { curl: curl("debian") })).toMatchObject({ code: 0, stdout: "" });
    expect(readFileSync(path, "utf8")).toBe("debian");
    expect(existsSync(`${path}.part`)).toBe(false);
    expect(await make(source(), { curl: "exit 9" })).toMatchObject({ code: 0, stdout: "" });
  });

  it("is asked for by its URL as it is, as the last word", async () => {
    const stub = `printf '%s\\n' "\${@: -2}" >'${calls.replaceAll("'", "'\\''")}'; exit 22`;
    await make(source(), { curl: stub });
    expect(readFileSync(calls, "utf8")).toBe(`--\n${url}\n`);
  });

  it("is not there after a download that was cut off, and the error says what was asked", async () => {
    const ran = await make(source(), { curl: `${curl("deb")}; echo 'curl: (18) end of response' >&2; exit 18` });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain("curl: (18) end of response\n");
    expect(lastLine(ran)).toContain(`cannot fetch image ${url}: `);
    expect(existsSync(path)).toBe(false);
  });

  it("is refused if it is another than was asked for", async () => {
    const ran = await make(source(), { curl: curl("evil") });
    expect(ran.code).toBe(1);
    expect(lastLine(ran)).toMatch(new RegExp(`${sha256("evil")}.*${sha256("debian")}`));
  });

  it("is fetched through the network namespace that reaches it", async () => {
    const ran = await make(
      source(),
      { nsenter: `[ "$1" = --net=/run/ns ] && shift; exec "$@"`, curl: curl("debian") },
      "/run/ns",
    );
    expect(ran.code).toBe(0);
  });
});

describe("an image that is built", () => {
  const build = (script: string) => ({ path, build: ["bash", "-c", `${script} # 'quoted' $(x)`] });

  it("is built if it is missing, and its progress is no output of the step", async () => {
    const script = `echo building; install -D /dev/null '${path.replaceAll("'", "'\\''")}'`;
    expect(await make(build(script))).toMatchObject({ code: 0, stdout: "", stderr: "building\n" });
    expect(await make(build("exit 9"))).toMatchObject({ code: 0, stderr: "" });
  });

  it("is an error if its build fails, with the build's own last line", async () => {
    const ran = await make(build("echo mmdebstrap: no mirror >&2; exit 3"));
    expect(ran.code).not.toBe(0);
    expect(lastLine(ran)).toBe("mmdebstrap: no mirror");
  });
});

describe("Image", () => {
  const deployed = () =>
    deploy(() => new Image("image", { host: localHost(), source: { path: "/i" }, smallestDisk: 8 }), {
      "image-file": "",
    });

  it("puts the file into a pool of the stack's own", async () => {
    const { resource, value, ...rest } = await deployed();
    expect(resource("libvirt:index/pool:Pool", "image-pool").inputs).toMatchObject({ name: "duet-dev", type: "dir" });
    expect(resource("libvirt:index/volume:Volume", "image").inputs).toMatchObject({ pool: "duet-dev", source: "/i" });
    expect(given(localStep({ resource, value, ...rest }, "image-file"), "path")).toBe("/i");
    expect(await settled(value.volumeId)).toEqual({ value: "id of image", secret: false });
  });

  it("makes room before it makes another, since the names are fixed", async () => {
    const { made } = await deployed();
    const fixed = made.filter(({ type }) => type.startsWith("libvirt:"));
    expect(fixed.map(({ deleteBeforeReplace }) => deleteBeforeReplace)).toEqual([true, true]);
  });

  it("registers what others need", async () => {
    const { resource } = await deployed();
    expect(resource("duet:guest:Image", "image").outputs).toEqual({ pool: "duet-dev", volumeId: "id of image" });
  });
});
