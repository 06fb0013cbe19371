/** The colors of the drawing, in light surroundings and in dark ones. None has a name, which Graphviz would write instead. */
const colors = {
  paper: ["#fbfcfd", "#14181d"],
  card: ["#eef1f4", "#22272e"],
  line: ["#66707a", "#89929c"],
  ink: ["#1c2126", "#e4e9ee"],
  quiet: ["#545d66", "#a5aeb7"],
  differs: ["#8f3f00", "#f2b366"],
} as const;

export type Color = keyof typeof colors;

/** What a part is drawn in. */
export const light = (color: Color): string => colors[color][0];

const rules = Object.values(colors).flatMap(([bright, dark]) =>
  ["fill", "stroke"].map((kind) => `[${kind}="${bright}"] { ${kind}: ${dark}; }`),
);

/** The style that makes the drawing dark in dark surroundings. Without it the drawing is light, on paper of its own. */
export const darkStyle = `@media (prefers-color-scheme: dark) {\n${rules.join("\n")}\n}\n`;
