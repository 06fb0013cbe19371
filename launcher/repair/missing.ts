import { libvirtTypes as types } from "../../components/names.ts";
import { type Deployment, nameOf, type Resource } from "./deployment.ts";
import { recorded, type Survey } from "./survey.ts";

type Kind = keyof typeof types;

/** Something that the stack's state has and libvirt has not. */
export interface Missing {
  readonly kind: Kind;
  readonly resource: Resource;
  /** Its id in the state. */
  readonly id: string;
  /** Its name in libvirt. */
  readonly name: string;
}

const words: Readonly<Record<Kind, string>> = {
  domain: "domain",
  network: "network",
  pool: "storage pool",
  volume: "volume",
};

/** What is missing in the words of a message. */
export function said({ kind, name }: Pick<Missing, "kind" | "name">): string {
  return `${words[kind]} ${name}`;
}

/** What the state of a stack has and libvirt has not: somebody has removed it, or a `destroy` was cut off. */
export function missing(survey: Survey, deployment: Deployment): readonly Missing[] {
  const domains = new Set(survey.domains.map(({ uuid }) => uuid));
  const isThere: Readonly<Record<Kind, (it: { id: string; name: string }) => boolean>> = {
    domain: ({ id }) => domains.has(id),
    network: ({ id }) => id === survey.network?.uuid,
    pool: ({ id }) => id === survey.pool?.uuid,
    volume: ({ name }) => survey.volumes.includes(name),
  };
  return (Object.keys(types) as Kind[]).flatMap((kind) =>
    recorded(deployment, types[kind])
      .filter((it) => !isThere[kind](it))
      .map((it) => ({ ...it, kind })),
  );
}

/**
 * The command of virsh and the definition on its standard input which put something in the place of what is missing.
 *
 * A pool is made again as it was. Domains and networks are made only so that the provider can delete them: it fails on one
 * that is gone, and a state that has forgotten its domain would have what is deleted with it deleted in the guest.
 */
export function standIn({ kind, id, name, resource }: Missing): { command: string; xml: string } | undefined {
  const identity = `<name>${escaped(name)}</name><uuid>${escaped(id)}</uuid>`;
  if (kind === "domain") {
    const rest = "<memory unit='MiB'>1</memory><os><type>hvm</type></os>";
    return { command: "define", xml: `<domain type='qemu'>${identity}${rest}</domain>` };
  }
  if (kind === "network") {
    return { command: "net-define", xml: `<network>${identity}</network>` };
  }
  const target = resource.outputs?.target;
  const path = typeof target === "object" && target !== null && "path" in target ? String(target.path) : undefined;
  return kind === "pool" && path !== undefined
    ? {
        command: "pool-define",
        xml: `<pool type='dir'>${identity}<target><path>${escaped(path)}</path></target></pool>`,
      }
    : undefined;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

const libvirtTypes = new Set<string>(Object.values(types));

/**
 * Takes out of a state what is missing, and what cannot do without it: a disk whose image is gone, a domain whose disk
 * is gone, and what is deleted with the domain. Pulumi's own refresh fails on a domain whose volume is gone.
 *
 * @returns the state, and the resources of libvirt that were taken out of it
 */
export function forget<T extends Deployment>(
  deployment: T,
  gone: readonly Missing[],
): { readonly deployment: T; readonly forgotten: readonly Resource[] } {
  const urns = new Set(gone.map(({ resource }) => resource.urn));
  const isOut = (urn: string | undefined) => urn !== undefined && urns.has(urn);
  const resources = deployment.resources ?? [];
  // What a resource needs stands before it.
  for (const { urn, type, parent, deletedWith, dependencies = [] } of resources) {
    if (isOut(parent) || isOut(deletedWith) || (libvirtTypes.has(type) && dependencies.some(isOut))) {
      urns.add(urn);
    }
  }
  const without = (list: readonly string[]) => list.filter((urn) => !isOut(urn));
  const kept = resources
    .filter(({ urn }) => !isOut(urn))
    .map((resource) => ({
      ...resource,
      ...(resource.dependencies && { dependencies: without(resource.dependencies) }),
      ...(resource.propertyDependencies && {
        propertyDependencies: Object.fromEntries(
          Object.entries(resource.propertyDependencies).map(([key, list]) => [key, list && without(list)]),
        ),
      }),
    }));
  const forgotten = resources.filter(({ urn, type }) => isOut(urn) && libvirtTypes.has(type));
  return { deployment: { ...deployment, resources: kept }, forgotten };
}

/** A resource of libvirt in the words of a message. */
export function saidOf(resource: Resource): string {
  const kind = (Object.keys(types) as Kind[]).find((it) => types[it] === resource.type);
  return kind === undefined ? nameOf(resource) : said({ kind, name: String(resource.outputs?.name) });
}
