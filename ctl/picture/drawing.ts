import { type Graph, instance } from "@viz-js/viz";
import { type Color, darkStyle, light } from "./colors.ts";
import { labelText, xmlText } from "./label.ts";
import type { Box, GuestBox, Picture } from "./model.ts";

/** Where a debugger is attached, in the table of a guest. */
const stubPort = "gdb";

const graphviz = instance();

/** Draws a stack: an element `svg`, by Graphviz. */
export async function draw(picture: Picture): Promise<string> {
  const drawn = (await graphviz).renderString(graphOf(picture), { format: "svg" });
  return (
    drawn
      .slice(drawn.indexOf("<svg"))
      // Names of ours, which a browser would show to whoever points there.
      .replaceAll(/<title>[^<]*<\/title>\n/g, "")
      .replace(
        /^<svg\b[^>]*>/,
        (begin) => `${begin.slice(0, -1)} role="img">\n<title>${xmlText(picture.title)}</title>`,
      )
  );
}

/** The same for a file, which is to be seen in dark surroundings, too. */
export async function drawFile(picture: Picture): Promise<string> {
  return (await draw(picture)).replace("</title>", (end) => `${end}\n<style>\n${darkStyle}</style>`);
}

function graphOf({ title, sources, exports, guests }: Picture): Graph {
  const debuggers = guests.flatMap(({ debugger: client }, at) => (client === undefined ? [] : [{ client, at }]));
  // What is served, or would be: all guests stand at one place.
  const serving = exports.length === 0 ? ["sources"] : exports.map((_, at) => `export${at}`);
  // What Graphviz has first is the lowest.
  const mounts = serving.flatMap((tail) =>
    guests.map(({ isServed }, at) => {
      const isDrawn = isServed && exports.length > 0;
      return { tail, head: `guest${at}`, attributes: isDrawn ? { label: "mounted" } : { style: "invis" } };
    }),
  );
  return {
    graphAttributes: {
      rankdir: "LR",
      ordering: "out",
      bgcolor: "transparent",
      ...text,
      pad: 0.1,
      nodesep: 0.3,
      ranksep: 0.5,
    },
    nodeAttributes: { shape: "plain", ...text },
    edgeAttributes: { color: light("line"), ...text, fontcolor: light("quiet"), fontsize: 10, arrowsize: 0.7 },
    subgraphs: [
      {
        name: "cluster_host",
        graphAttributes: {
          label: html(`<b>${labelText(title)}</b>`),
          labeljust: "l",
          style: "filled,rounded",
          color: light("line"),
          fillcolor: light("paper"),
          fontcolor: light("ink"),
          margin: 16,
        },
        nodes: [
          { name: "sources", attributes: { label: table(sources) } },
          ...exports.map((one, at) => ({ name: `export${at}`, attributes: { label: table(one) } })),
          ...guests.map((guest, at) => ({ name: `guest${at}`, attributes: { label: table(guest) } })),
          ...debuggers.map(({ client, at }) => ({ name: `client${at}`, attributes: { label: table(of(client)) } })),
        ],
      },
    ],
    edges: [
      ...exports.map((_, at) => ({ tail: "sources", head: `export${at}` })),
      ...mounts.toReversed(),
      // It is the debugger that has come; but it is drawn behind the guest.
      ...debuggers.map(({ at }) => ({
        tail: `guest${at}`,
        head: `client${at}`,
        attributes: { tailport: `${stubPort}:e`, dir: "back" },
      })),
    ],
  };
}

/** Fonts that every system has one of. Graphviz knows how wide the first is. */
const text = { fontname: "Helvetica,Arial,sans-serif", fontsize: 12, fontcolor: light("ink") };

const of = (client: string): Box => ({ title: client, rows: [] });

const html = (label: string) => ({ html: label });

function table({ title, rows }: Box | GuestBox) {
  const lines = rows.map(({ key, text, mark }) => {
    const said = mark === "differs" ? `<b>${labelText(text)}</b>` : labelText(text);
    const color: Color = mark === "differs" ? "differs" : mark === "unknown" ? "quiet" : "ink";
    const port = key === stubPort ? ` port="${stubPort}"` : "";
    return `<tr><td align="left">${ink("quiet", labelText(key))}</td><td align="left"${port}>${ink(color, said)}</td></tr>`;
  });
  const head = `<tr><td align="left" colspan="2"><b>${labelText(title)}</b></td></tr>`;
  const look = `border="1" cellborder="0" cellspacing="2" style="rounded" color="${light("line")}" bgcolor="${light("card")}"`;
  return html(`<table ${look}>${head}${lines.join("")}</table>`);
}

const ink = (color: Color, label: string): string => `<font color="${light(color)}">${label}</font>`;
