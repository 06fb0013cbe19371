import { libvirtName } from "../../components/names.ts";
import type { Deployment, Resource } from "./deployment.ts";

/** What libvirt has of one stack. */
export interface Survey {
  /** All domains of the host, of whatever stack. */
  readonly domains: readonly { readonly uuid: string; readonly name: string }[];
  /** The stack's network, and the name of its bridge. */
  readonly network?: { readonly uuid: string; readonly isActive: boolean; readonly bridge?: string };
  readonly pool?: { readonly uuid: string; readonly isActive: boolean };
  /** Names of the volumes in the stack's pool, if it is active. */
  readonly volumes: readonly string[];
}

const headings = { domains: "=domains", network: "=network", pool: "=pool", volumes: "=volumes", end: "=end" };

/** The one command line of virsh that asks for all of it. What is missing is an error there, and no matter. */
export function surveyCommands(stack: string): string {
  const name = libvirtName(stack);
  return [
    `echo ${headings.domains}; list --all --uuid --name`,
    `echo ${headings.network}; net-info ${name}`,
    `echo ${headings.pool}; pool-info ${name}`,
    // libvirt goes by its own list until it is told to look.
    `pool-refresh ${name}; echo ${headings.volumes}; vol-list ${name}`,
    `echo ${headings.end}`,
  ].join("; ");
}

/** Takes apart what virsh said to `surveyCommands`. Undefined if it did not get to the end. */
export function parseSurvey(output: string): Survey | undefined {
  const parts: Record<string, string[]> = {};
  let part: string[] = [];
  for (const line of output.split("\n")) {
    if (line.startsWith("=")) {
      part = [];
      parts[line] = part;
    } else {
      part.push(line);
    }
  }
  if (parts[headings.end] === undefined) {
    return undefined;
  }
  const value = (heading: string, key: string) =>
    (parts[heading] ?? []).flatMap((line) =>
      line.startsWith(`${key}:`) ? [line.slice(key.length + 1).trim()] : [],
    )[0];
  const domains = (parts[headings.domains] ?? []).flatMap((line) => {
    const [, uuid, name] = /^([0-9a-f-]{36}) (.*?)\s*$/.exec(line) ?? [];
    return uuid !== undefined && name !== undefined ? [{ uuid, name }] : [];
  });
  const network = value(headings.network, "UUID");
  const bridge = value(headings.network, "Bridge");
  const pool = value(headings.pool, "UUID");
  return {
    domains,
    ...(network && {
      network: { uuid: network, isActive: value(headings.network, "Active") === "yes", ...(bridge && { bridge }) },
    }),
    ...(pool && { pool: { uuid: pool, isActive: value(headings.pool, "State") === "running" } }),
    volumes: (parts[headings.volumes] ?? []).flatMap((line) => /^ (.+?)\s+\//.exec(line)?.slice(1) ?? []),
  };
}

/** The resources of a type that a stack's state has, with the id and the name of each in libvirt. */
export function recorded(
  deployment: Deployment,
  type: string,
): readonly { readonly resource: Resource; readonly id: string; readonly name: string }[] {
  return (deployment.resources ?? []).flatMap((resource) =>
    resource.type === type && resource.id !== undefined
      ? [{ resource, id: resource.id, name: String(resource.outputs?.name) }]
      : [],
  );
}
