import type { FactsReader } from "../../components/machine/facts.ts";

/** A resource as Pulumi's state has it, as far as recovery looks at it. */
export interface Resource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly parent?: string;
  readonly provider?: string;
  readonly dependencies?: readonly string[];
  readonly propertyDependencies?: Readonly<Record<string, readonly string[] | null>>;
  readonly deletedWith?: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

/** The state of a stack, as `pulumi stack export` gives it. What is not named here is kept. */
export interface Deployment {
  readonly resources?: readonly Resource[] | null;
  /** How its secrets are kept: "passphrase", "service" and others. */
  readonly secrets_providers?: { readonly type?: string } | null;
  /** What was under way when a run was cut off. */
  readonly pending_operations?: readonly { readonly resource: Resource; readonly type: string }[] | null;
}

/** Whether there is anything to destroy. */
export function stands(deployment: Deployment | undefined): boolean {
  return Boolean(deployment?.resources?.length || deployment?.pending_operations?.length);
}

/** Name of a resource, from its URN. */
export function nameOf({ urn }: Pick<Resource, "urn">): string {
  return urn.split("::").at(-1) ?? urn;
}

/** A machine of a stack, and how the last `up` asked it for its facts. */
export interface AskedMachine {
  readonly name: string;
  readonly reader: FactsReader;
}

/** The machines that the last `up` asked for their facts. */
export function machinesIn(resources: readonly Resource[]): readonly AskedMachine[] {
  return resources.flatMap((resource) =>
    resource.type === "duet:machine:Facts" && resource.inputs?.reader !== undefined
      ? [{ name: nameOf(resource), reader: resource.inputs.reader as FactsReader }]
      : [],
  );
}

/** A command that was cut off: with another `create`, so that the next `up` runs it again. */
function cutOff(resource: Resource): Resource {
  const inputs = { ...resource.inputs, create: ": # was cut off" };
  return { ...resource, id: "cut-off", inputs, outputs: { ...inputs, stdout: "", stderr: "" } };
}

/**
 * Settles what was under way when a run was cut off. Pulumi itself keeps pending creates for ever, or forgets them.
 *
 * A command that was creating becomes a resource: `up` runs it again, since its inputs differ, and `destroy` runs its
 * `delete`, which takes back what it had done so far. Anything else that was creating is found in libvirt, or has left
 * nothing. What was being updated or deleted is among the resources still.
 *
 * @returns the deployment and a line for each operation; undefined if nothing was under way
 */
export function settle<T extends Deployment>(
  deployment: T,
): { readonly deployment: T; readonly lines: readonly string[] } | undefined {
  const operations = deployment.pending_operations ?? [];
  if (operations.length === 0) {
    return undefined;
  }
  const resources = [...(deployment.resources ?? [])];
  const urns = new Set(resources.map(({ urn }) => urn));
  const isKnown = (urn: string | undefined) => urn === undefined || urns.has(urn);
  const lines: string[] = [];
  for (const { resource, type } of operations) {
    const { urn, parent, provider, dependencies = [] } = resource;
    const isAdopted =
      type === "creating" &&
      resource.type.startsWith("command:") &&
      !urns.has(urn) &&
      // A provider is named by its URN and its id.
      [parent, provider?.slice(0, provider.lastIndexOf("::")), ...dependencies].every(isKnown);
    if (isAdopted) {
      resources.push(cutOff(resource));
      urns.add(urn);
    }
    lines.push(
      `${nameOf(resource)} was cut off while ${type}: ${isAdopted ? "it is done again" : "it is looked at again"}`,
    );
  }
  return { deployment: { ...deployment, resources, pending_operations: [] }, lines };
}
