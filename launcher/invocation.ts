import { parseArgs } from "node:util";

/** What the launcher has to know of a pulumi command line; all of it is handed on untouched. */
export interface Invocation {
  /** Such as "up" or "stack", by its own name and not by an alias. Undefined if there is none. */
  readonly command: string | undefined;
  /** Such as "rm" of `pulumi stack rm`. */
  readonly subcommand: string | undefined;
  /** The stack that is named. */
  readonly stack: string | undefined;
  /** Value of `-C`. */
  readonly directory: string | undefined;
  /** Value of `--config-file`. */
  readonly configFile: string | undefined;
  /** Whether it asks for nothing but help. */
  readonly help: boolean;
  /** What it does to a stack: "run" runs the program and changes the stack, "preview" runs it only. */
  readonly effect: "run" | "preview" | "none";
}

const aliases: Readonly<Record<string, string>> = { update: "up", pre: "preview", down: "destroy", dn: "destroy" };

/** Commands of which each run may change the stack, and which talk to libvirt. */
const runs = new Set(["up", "refresh", "destroy", "import", "watch"]);

/** Commands that need nothing but the state of a stack. */
const onState = new Set(["stack", "config", "cancel", "console", "logs", "state"]);

/** The options with a value whose value could pass for a command, a stack or an option. */
const options = {
  stack: { type: "string", short: "s" },
  cwd: { type: "string", short: "C" },
  color: { type: "string" },
  "config-file": { type: "string" },
  "copy-config-from": { type: "string" },
  file: { type: "string" },
  help: { type: "boolean", short: "h" },
  memprofilerate: { type: "string" },
  message: { type: "string", short: "m" },
  "otel-traces": { type: "string" },
  parallel: { type: "string", short: "p" },
  "preview-only": { type: "boolean" },
  profiling: { type: "string" },
  "secrets-provider": { type: "string" },
  target: { type: "string", short: "t" },
  teams: { type: "string" },
  tracing: { type: "string" },
  verbose: { type: "string", short: "v" },
} as const;

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The last part of `organization/project/stack`. */
export function bareName(stack: string): string {
  return stack.split("/").at(-1) ?? stack;
}

/** Finds the command and the stack in the arguments of pulumi. */
export function parseInvocation(words: readonly string[]): Invocation {
  const { values, positionals } = parseArgs({ args: [...words], options, strict: false, allowPositionals: true });
  const [typed, subcommand, operand] = positionals;
  const command = typed === undefined ? undefined : (aliases[typed] ?? typed);
  const takesStack = command === "stack" && /^(?:select|init|new|rm|remove)$/.test(subcommand ?? "");
  const stack = text(values.stack) ?? (takesStack ? operand : undefined);
  const previewOnly = ![undefined, false, "false"].includes(values["preview-only"] as string | boolean | undefined);
  return {
    command,
    subcommand,
    stack,
    directory: text(values.cwd),
    configFile: text(values["config-file"]),
    help: values.help !== undefined || command === undefined || !touchesStack(command),
    effect: command === "preview" || previewOnly ? "preview" : runs.has(command ?? "") ? "run" : "none",
  };
}

function touchesStack(command: string): boolean {
  return command === "preview" || runs.has(command) || onState.has(command);
}

/** The options among the words of a pulumi command line: of each its name, without hyphens, and its value, if it has one. */
export function optionsIn(words: readonly string[]): readonly { readonly name: string; readonly value?: string }[] {
  const { tokens } = parseArgs({ args: [...words], options, strict: false, allowPositionals: true, tokens: true });
  return tokens.flatMap((token) => (token.kind === "option" ? [token] : []));
}

/** A command line of pulumi with more options, which may not follow a `--`. */
export function withOptions(words: readonly string[], more: readonly string[]): readonly string[] {
  const end = words.includes("--") ? words.indexOf("--") : words.length;
  return [...words.slice(0, end), ...more, ...words.slice(end)];
}
