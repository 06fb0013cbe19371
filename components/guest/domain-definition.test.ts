import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { runStep, type Stubs } from "../../test/support/run-script.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { scriptText } from "../machine/script.ts";

let root: string;
beforeEach(() => {
  root = temporaryFolder("definitions-");
});

const definition = (id: string, memory = 1024) =>
  `<domain>\n<uuid>${id}</uuid>\n<memory>${memory}</memory>\n</domain>\n`;
const defined = () => readFileSync(join(root, "defined.xml"), "utf8");
/** Defines the domain by hand; nothing for a domain that was undefined. */
const define = (text: string) => writeFileSync(join(root, "defined.xml"), text);

/** A libvirt of one domain, with its inactive definition. */
const stubs = (): Stubs => ({
  virsh: `cd '${root}'; [ "$1 $2 $3" = '-q -c qemu:///system' ] || exit 9
case $4 in
  dumpxml) [ "$5 $7" = "--inactive it's duetdev" ] && [ -s defined.xml ] || { echo 'error: no domain' >&2; exit 1; }; cat defined.xml;;
  define) echo define >>calls; cp "$6" defined.xml;;
  domstate) echo running;;
  *) echo "$4 $6" >>calls;;
esac`,
  ssh: "case $* in *'echo yes') echo yes;; esac",
  ss: ":",
});
const script = (uuid: string) =>
  scriptText(import.meta.url, "domain.sh", {
    uri: "qemu:///system",
    guest: "it's duetdev",
    uuid,
    port: 1234,
    definition: join(root, "kept.xml"),
    ssh: ["ssh", "guest"],
    console: join(root, "console.log"),
    ...{ tree: "/nowhere", build: "/nowhere", modules: "/nowhere", uid: 1000, gid: 1000 },
    timeout: 1,
  });
const keep = (id: string) => runStep(script(id), "create", { stubs: stubs() });
const calls = () => (existsSync(join(root, "calls")) ? readFileSync(join(root, "calls"), "utf8") : "");

describe("the definition of a domain", () => {
  it("is kept if the domain is made, and nothing is done to the domain", async () => {
    define(definition("1"));
    expect(await keep("1")).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(readFileSync(join(root, "kept.xml"), "utf8")).toBe(definition("1"));
    expect(readdirSync(root).sort()).toEqual(["defined.xml", "kept.xml"]);
  });

  it("is left as it is while nobody edits it", async () => {
    define(definition("1"));
    await keep("1");
    await keep("1");
    expect(calls()).toBe("");
  });

  it.each([
    ["edited", definition("1", 99)],
    ["undefined", ""],
  ])("comes back when it was %s by hand, with a word on it, and the domain is off then", async (_, text) => {
    define(definition("1"));
    await keep("1");
    define(text);
    const ran = await keep("1");
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain("domain it's duetdev was edited or undefined by hand");
    expect(defined()).toBe(definition("1"));
    expect(calls()).toBe("destroy it's duetdev\ndefine\n");
  });

  it("of a new domain takes the place of the one that was kept", async () => {
    define(definition("1"));
    await keep("1");
    define(definition("2", 2048));
    await keep("2");
    expect(calls()).toBe("");
    expect(readFileSync(join(root, "kept.xml"), "utf8")).toBe(definition("2", 2048));
  });

  it("that cannot be read is an error, and is not kept", async () => {
    define("");
    const ran = await keep("1");
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toContain("error: no domain");
    expect(existsSync(join(root, "kept.xml"))).toBe(false);
  });

  it("drifts when it is edited, and when it goes", async () => {
    const facts = async () => (await runStep(script("1"), "facts", { stubs: stubs() })).stdout.split("\n")[0] ?? "";
    define(definition("1"));
    const before = await facts();
    expect(before).toMatch(/^domain definition: [0-9a-f]{16}$/);
    define(definition("1", 99));
    const edited = await facts();
    define("");
    expect(new Set([before, edited, await facts()]).size).toBe(3);
  });
});
