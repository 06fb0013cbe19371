import { parse } from "yaml";
import { UserError } from "../sandbox/report.ts";

/** What the launcher has to know of a stack's spec. */
export interface Ground {
  /** Whether the stack is on the embedded host. */
  readonly sandbox: boolean;
  /** URI of libvirt, if it is not. */
  readonly uri: string;
  /** Absolute path of the sources directory. */
  readonly sources: string;
  /** Names of its guests, as far as they are names. */
  readonly guests: readonly string[];
}

/**
 * Reads where a stack is to be.
 *
 * @param text the spec
 * @param name what the file is called in a message
 */
export function groundOf(text: string, name: string): Ground {
  const config = parsed(text, name)?.config ?? {};
  // Pulumi would say so too, but on another host than the one that is meant.
  const keys = typeof config === "object" ? Object.keys(config) : [];
  const bare = keys.filter((key) => !key.includes(":"));
  if (bare.length > 0) {
    throw new UserError(
      bare.map((key) => `cannot read ${name}: ${key} has no namespace; write duet:${key}`).join("\n"),
    );
  }
  const { "duet:host": host, "duet:sources": sources, "duet:vms": vms } = config;
  const directory = sources?.directory;
  return {
    sandbox: host?.sandbox === true,
    uri: typeof host?.uri === "string" && !/[\s\p{C}]/u.test(host.uri) ? host.uri : "qemu:///system",
    sources: typeof directory === "string" && /^\/\P{C}*$/u.test(directory) ? directory : "/media/data/duet",
    guests: (Array.isArray(vms) ? vms : []).flatMap((vm) => (isName(vm?.name) ? [vm.name] : [])),
  };
}

// A pattern alone would take what is not there for the name "undefined".
const isName = (value: unknown): value is string => typeof value === "string" && /^[a-z0-9-]+$/.test(value);

function parsed(text: string, name: string) {
  try {
    return parse(text);
  } catch (error) {
    throw new UserError(`cannot read ${name}: it is not YAML: ${String(error).split("\n")[0]?.replace(/:$/, "")}`);
  }
}
