import { readFileSync } from "node:fs";
import type { Shown } from "./example.ts";

/** Lines of an answer that say enough, and how long one of them may be. */
const lines = 30;
const columns = 160;

function shortened(printed: string): string {
  const all = printed.split("\n").map((line) => (line.length > columns ? `${line.slice(0, columns - 1)}…` : line));
  return all.length > lines
    ? [...all.slice(0, lines), `… ${all.length - lines} lines more`].join("\n")
    : all.join("\n");
}

/** A section for each example: what is typed at a prompt, and what was answered. */
function sections(shown: readonly Shown[], prompt: string): string {
  return shown
    .map(
      ({ example, printed }) => `## ${example.name}

\`\`\`
${example.typed.map((line) => `${prompt} ${line}`).join("\n")}
${shortened(printed)}
\`\`\`
`,
    )
    .join("\n");
}

/** The page docs/gdb.md: each example with what the guest answered. */
export function gdbPage(shown: readonly Shown[], machine: string): string {
  return `# gdb

The guide's examples of the helpers that Linux brings for gdb, and what a guest answered. Each is run by \`npm run guide\`.
The command that attaches is among the outputs of \`pulumi up\`: it reads the symbols of kernel and module, and the kernel's
scripts with what they lack (components/gdb/kernel-scripts.py). The guest stands still while gdb is at its prompt.

Written by \`npm run guide -- --write\` on ${machine}. Not to be edited by hand.

${sections(shown, "(gdb)")}`;
}

/** The page docs/perf.md: how perf comes into a guest, and each example with what the guest answered. */
export function perfPage(shown: readonly Shown[], machine: string): string {
  const introduction = readFileSync(new URL("perf.md", import.meta.url), "utf8").trimEnd();
  return `${introduction}

Written by \`npm run guide -- --write\` on ${machine}, from test/guide/perf.md. Not to be edited by hand.

![A flame graph of where the events of the dummy task come from](perf.svg)

${sections(shown, "#")}`;
}
