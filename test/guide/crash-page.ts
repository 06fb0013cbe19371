import type { Crashes } from "./crash.ts";

/** Where what is written begins. */
const mark = "<!-- What is below is written by `npm run guide -- --write`, and not to be edited by hand. -->";

/**
 * The page docs/crashes.md: how it is used, then each crash with what its report says, and what it took.
 *
 * @param before the page as it was
 */
export function crashPage(before: string, { shown, costs, idle }: Crashes, machine: string): string {
  const [guide = ""] = before.split(mark);
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 23 ? 1 : 0)} MiB`;
  const rows = costs.map(({ name, report, up, dump, text }) =>
    [name, `${report.toFixed()} s`, mebibytes(dump), mebibytes(text), `${up.toFixed()} s`].join(" | "),
  );
  const sections = shown.map(
    ({ example, printed }) => `## ${example.name}

    ${example.typed.join("\n    ")}

What \`up\` said, and the beginning of the report:

\`\`\`
${printed}
\`\`\`
`,
  );
  return `${guide.trimEnd()}

${mark}

## What it costs

On ${machine}. While nothing happens the watcher of a guest takes ${idle.processor} ms of a processor in a minute, and
${idle.memory.toFixed(1)} MiB of memory.

| crash | report there after | dump | report and page | \`up\` that brings the guest back |
| ----- | ------------------ | ---- | --------------- | -------------------------------- |
${rows.map((row) => `| ${row} |`).join("\n")}

${sections.join("\n")}`;
}
