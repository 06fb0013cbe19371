import { guestId, guestOfKernel, libvirtName, libvirtTypes as types } from "../../components/names.ts";
import { type Deployment, nameOf } from "./deployment.ts";
import { recorded, type Survey } from "./survey.ts";

/** Something that libvirt has and the stack's state has not. */
export interface Orphan {
  /** In the words of a message: "domain duetdev". */
  readonly what: string;
  /** Words of virsh, a command each, which remove it. All but the last may fail, if it was half made. */
  readonly removal: readonly (readonly string[])[];
}

/** The domains that the state does not have. Their description tells whose they are. */
export function unknownDomains(survey: Survey, deployment: Deployment): Survey["domains"] {
  const known = idsOf(deployment, types.domain);
  return survey.domains.filter(({ uuid }) => !known.has(uuid));
}

/** The volumes of the stack's pool that the state does not have. A kernel is there by a step, and goes with that. */
export function unknownVolumes(survey: Survey, deployment: Deployment): Survey["volumes"] {
  const known = new Set(recorded(deployment, types.volume).map(({ name }) => name));
  const steps = new Set((deployment.resources ?? []).map(nameOf));
  const isOfStep = (guest?: string) => guest !== undefined && steps.has(`${guestId(guest)}-kernel-default`);
  return survey.volumes.filter((volume) => !known.has(volume) && !isOfStep(guestOfKernel(volume)));
}

/**
 * What libvirt has of a stack and its state has not. A create that was cut off leaves it behind, half-written volumes
 * too, and the next create fails on it, or takes an existing volume for what it is to make.
 *
 * @param unknown those of `unknownDomains` and `unknownVolumes` which are the stack's
 */
export function orphans(
  stack: string,
  survey: Survey,
  { domains, volumes }: Pick<Survey, "domains" | "volumes">,
  deployment: Deployment,
): readonly Orphan[] {
  const name = libvirtName(stack);
  const { network, pool } = survey;
  const found: Orphan[] = domains.map((domain) => ({
    what: `domain ${domain.name}`,
    removal: [
      ["destroy", domain.uuid],
      ["undefine", domain.uuid, "--nvram", "--managed-save", "--snapshots-metadata", "--checkpoints-metadata"],
    ],
  }));
  for (const volume of volumes) {
    found.push({ what: `volume ${volume}`, removal: [["vol-delete", "--pool", name, "--vol", volume]] });
  }
  if (network !== undefined && !idsOf(deployment, types.network).has(network.uuid)) {
    found.push({
      what: `network ${name}`,
      removal: [
        ["net-destroy", name],
        ["net-undefine", name],
      ],
    });
  }
  if (pool !== undefined && !idsOf(deployment, types.pool).has(pool.uuid)) {
    // Its folder goes if it is empty.
    const removal = [
      ["pool-destroy", name],
      ["pool-delete", name],
      ["pool-undefine", name],
    ];
    found.push({ what: `storage pool ${name}`, removal });
  }
  return found;
}

function idsOf(deployment: Deployment, type: string): ReadonlySet<string> {
  return new Set(recorded(deployment, type).map(({ id }) => id));
}
