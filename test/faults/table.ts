import type { Outcome } from "./run.ts";

/** How a table came to be. */
export interface TableArgs {
  /** What it ran on: processors, and whether guests are translated. */
  readonly machine: string;
  /** The page as an earlier run has left it, whose rows stay if this run has none. Defaults to none. */
  readonly earlier?: string;
}

/** Text in a cell, cut if a checksum or a path would go on for long. */
function cell(lines: readonly string[]): string {
  const shown = lines.map((line) => (line.length > 160 ? `${line.slice(0, 159)}…` : line));
  return shown.map((line) => line.replaceAll("|", "\\|").replaceAll("<", "&lt;")).join("<br>") || "nothing";
}

function seconds(value: number | undefined): string {
  return value === undefined ? "" : `${Math.round(value)} s`;
}

/** What `up` did beside reading the facts, which it does for every drift. */
function done({ done, problem }: Outcome): readonly string[] {
  const own = done.filter(({ type }) => type !== "duet:machine:Facts");
  return [
    ...own.map(({ name, operation, type }) => `${name} ${operation}${type.startsWith("libvirt:") ? ` (${type})` : ""}`),
    ...(problem === undefined ? [] : ["**not survived**"]),
  ];
}

/** The page docs/drift.md: each fault once, in the order of the list, as its last run found it. */
export function tablePage(names: readonly string[], outcomes: readonly Outcome[], args: TableArgs): string {
  const rows = names.flatMap((name) => {
    const outcome = outcomes.findLast(({ fault }) => fault === name);
    if (outcome === undefined) {
      return args.earlier?.split("\n").filter((line) => line.startsWith(`| ${name} |`)) ?? [];
    }
    const { preview, up } = outcome.seconds;
    const cells = [name, cell(outcome.said), seconds(preview), cell(done(outcome)), seconds(up)];
    return [`| ${cells.join(" | ")} |`];
  });
  return `# Drift

What may befall an environment, what \`pulumi preview\` says of it then, what \`pulumi up\` does, and how long each takes.
After each, all checks of the end-to-end test hold, and another \`up\` changes nothing.

Written by \`npm run faults -- --table docs/drift.md\` on ${args.machine}, each row by the last run that drew its fault.
Not to be edited by hand.

| what happened | preview says | in | up does | in |
| --- | --- | --- | --- | --- |
${rows.join("\n")}
`;
}
