import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { GuestStatus } from "../look.ts";
import type { Standing } from "../standing.ts";
import { darkStyle } from "./colors.ts";
import { draw, drawFile } from "./drawing.ts";
import { pictureOf } from "./model.ts";

const stack: Standing = {
  name: "dev",
  isEmbedded: true,
  spec: "/s/Pulumi.dev.yaml",
  uri: "qemu:///embedded",
  enter: [],
  sources: "/media/data/duet",
  exports: ["10.0.0.1:/media/data/duet"],
  machines: [],
  folder: "/state/dev",
  guests: [],
  builds: [
    { name: undefined, kernel: { release: "6.1.1+duet", buildId: "79e28f73bfb87c66" }, module: "9427da293c5b8116" },
  ],
  module: "duet",
  workspace: undefined,
  rootFolder: "/state/dev",
  crashes: undefined,
  consoles: "/log",
  logs: { libvirtd: "/log/libvirtd.log", guests: "/log" },
};
const guest = (name: string, more: Partial<GuestStatus> = {}): GuestStatus => ({
  name,
  address: "10.0.0.10",
  state: "running",
  stub: "127.0.0.1:1234",
  debugger: undefined,
  kernelName: undefined,
  kernel: "6.1.1+duet",
  module: "9427da293c5b8116",
  console: { file: `/log/${name}-console.log`, written: new Date(0) },
  lastCrash: null,
  sshCommand: "ssh",
  gdbCommand: "gdb",
  ...more,
});
const picture = (guests: readonly GuestStatus[], more: Partial<Standing> = {}) =>
  pictureOf({ ...stack, ...more }, guests);

/** What an SVG shows, by a parser of XML that takes nothing else: its texts, and its colors by what has them. */
function read(svg: string): { texts: string[]; colors: string[] } {
  const program = `
import json, sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
drawn = [one for one in root.iter() if not one.tag.endswith("}style")]
colors = {one.get(kind) for one in drawn for kind in ("fill", "stroke")}
print(json.dumps({
    "texts": [one.text or "" for one in root.iter("{http://www.w3.org/2000/svg}text")],
    "colors": sorted(color for color in colors if color not in (None, "none", "transparent")),
}))`;
  return JSON.parse(execFileSync("python3", ["-c", program], { input: svg, encoding: "utf8" }));
}

describe("what is drawn of a stack", () => {
  const marked = (guests: readonly GuestStatus[]) =>
    picture(guests).guests.map(({ rows }) =>
      Object.fromEntries(rows.flatMap(({ key, mark }) => (mark === undefined ? [] : [[key, mark]]))),
    );

  const lastCrash = { folder: "/crashes/2026-01-02T00", story: "panicked: BUG", written: new Date(0) };

  it("is its host, the sources with what was built, what is exported, and each guest with its last crash", () => {
    const { title, sources, exports, guests } = picture([guest("one"), guest("two", { lastCrash })]);
    expect(title).toBe("stack dev, on the embedded host");
    expect(sources.rows.map(({ text }) => text)).toEqual([
      "/media/data/duet",
      "6.1.1+duet, build 79e28f73bfb8",
      "duet, build 9427da293c5b",
    ]);
    expect(exports.flatMap(({ rows }) => rows)).toEqual([{ key: "mounts", text: "10.0.0.1:/media/data/duet" }]);
    expect(guests[0]?.rows).toEqual([
      { key: "state", text: "running" },
      { key: "address", text: "10.0.0.10" },
      { key: "kernel", text: "6.1.1+duet" },
      { key: "module", text: "duet, build 9427da293c5b" },
      { key: "gdb", text: "nobody is attached to 127.0.0.1:1234" },
      { key: "console", text: "/log/one-console.log" },
    ]);
    expect(guests[1]?.rows.at(-1)).toEqual({ key: "last crash", text: "2026-01-02T00: panicked: BUG" });
    expect(picture([], { isEmbedded: false, uri: "qemu:///system" }).title).toBe("stack dev, on qemu:///system");
  });

  it("marks what is not as up leaves it, and what cannot be told", () => {
    expect(marked([guest("one"), guest("two", { state: "paused", debugger: "gdb (pid 7)" })])).toEqual([{}, {}]);
    expect(marked([guest("one", { state: "shut off", kernel: "6.1.0-35", module: "" })])).toEqual([
      { state: "differs", kernel: "differs", module: "differs" },
    ]);
    expect(marked([guest("one", { state: undefined, kernel: undefined, module: undefined, address: "" })])).toEqual([
      { state: "unknown", address: "differs", kernel: "unknown", module: "unknown" },
    ]);
  });

  it("does not change with the time: equal pictures are one drawing", () => {
    const then = { file: "/log/one-console.log", written: new Date(0) };
    const now = { ...then, written: new Date(1e12) };
    expect(picture([guest("one", { console: then })])).toEqual(picture([guest("one", { console: now })]));
  });
});

describe("the drawing", () => {
  it("has each text, the debugger beside its guest, and guests from the first to the last", async () => {
    const { texts } = read(await draw(picture([guest("one"), guest("two", { debugger: "gdb (pid 77)" })])));
    expect(texts).toEqual(
      expect.arrayContaining(["stack dev, on the embedded host", "sources", "/media/data/duet", "gdb (pid 77)"]),
    );
    expect(texts.filter((text) => text === "mounted")).toHaveLength(2);
    const heights = (await draw(picture([guest("one"), guest("two"), guest("three")]))).matchAll(
      / y="([-\d.]+)"[^>]*>guest (\w+)</g,
    );
    const sorted = [...heights].sort(([, one], [, other]) => Number(one) - Number(other));
    expect(sorted.map(([, , name]) => name)).toEqual(["one", "two", "three"]);
  });

  it("says who mounts nothing: a guest that has never come up, or all before anything is served", async () => {
    const begun = guest("one", { address: "", stub: "" });
    expect(read(await draw(picture([begun]))).texts).not.toContain("mounted");
    const { texts } = read(
      await draw(
        picture([guest("one"), begun], {
          exports: [],
          builds: [{ name: undefined, kernel: undefined, module: undefined }],
        }),
      ),
    );
    expect(texts).toEqual(expect.arrayContaining(["guest one", "none built yet"]));
    expect(texts).not.toContain("mounted");
    expect(read(await draw(picture([]))).texts).toContain("sources");
  });

  it.each([
    "a \"quoted\" <b>name</b> & 'one'",
    "a\\N\\G\\L\\l\\n\\\\",
    "\\",
    "&amp;&lt;&#65;&nosuch;",
    "]]> --> <!-- <?xml",
    "</title></table></svg><script>",
  ])("shows %j as it is", async (name) => {
    const { texts } = read(await drawFile(picture([guest(name, { debugger: name })], { sources: name })));
    expect(texts).toEqual(expect.arrayContaining([`guest ${name}`, name, `${name} is attached to 127.0.0.1:1234`]));
  });

  it("shows what no XML may have by a picture of it", async () => {
    const { texts } = read(await draw(picture([guest("a\nb\tc\0d\x7f\ud800\uffff\x85")])));
    expect(texts).toContain("guest a␊b␉c␀d\ufffd\ufffd\ufffd\ufffd");
  });

  it("is well-formed whatever the names are", async () => {
    const name = fc.string({ unit: "binary", maxLength: 20 });
    const hostile = fc.oneof(name, fc.string({ unit: fc.constantFrom(..."\\NGTHEL&<>\"'#;%{}|\n\r\0 a") }));
    const shown = fc.array(fc.tuple(hostile, hostile, hostile), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(shown, hostile, async (names, other) => {
        const guests = names.map(([own, client, stub]) =>
          guest(own, { debugger: client, stub, console: { file: stub, written: undefined } }),
        );
        const drawn = await drawFile(picture(guests, { sources: other, exports: [other], name: other }));
        expect(read(drawn).texts.filter((text) => text.startsWith("guest "))).toHaveLength(guests.length);
      }),
      { numRuns: 20 },
    );
  });

  it("has no color that dark surroundings would leave as it is, and text that can be read in both", async () => {
    const guests = [
      guest("one", { debugger: "gdb", kernel: "other", state: undefined }),
      guest("two", { kernel: undefined }),
    ];
    const pairs = [...darkStyle.matchAll(/\[fill="(#\w{6})"\] \{ fill: (#\w{6}); \}/g)];
    const dark = new Map(pairs.map(([, bright = "", other = ""]) => [bright, other]));
    const svg = await draw(picture(guests));
    const { colors } = read(svg);
    expect(colors.length).toBeGreaterThan(4);
    expect(colors.filter((color) => !dark.has(color))).toEqual([]);
    const inks = new Set([...svg.matchAll(/<text [^>]*fill="(#\w{6})"/g)].map(([, color = ""]) => color));
    const grounds = new Set([...svg.matchAll(/<path fill="(#\w{6})"/g)].map(([, color = ""]) => color));
    expect([inks.size, grounds.size]).toEqual([3, 2]);
    expect([...svg.matchAll(/<text (?![^>]*fill=)/g)]).toEqual([]);
    for (const ink of inks) {
      for (const ground of grounds) {
        expect(contrast(ink, ground), `${ink} on ${ground}`).toBeGreaterThan(4.5);
        expect(contrast(dark.get(ink), dark.get(ground)), `${ink} on ${ground}, dark`).toBeGreaterThan(4.5);
      }
    }
  });
});

/** Source: WCAG 2.2, contrast ratio; 4.5 is what text is to have. */
function contrast(one = "", other = ""): number {
  const [darker = 0, brighter = 0] = [one, other].map(luminance).sort((a, b) => a - b);
  return (brighter + 0.05) / (darker + 0.05);
}

function luminance(color: string): number {
  const parts = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16) / 255);
  const [red = 0, green = 0, blue = 0] = parts.map((part) =>
    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
