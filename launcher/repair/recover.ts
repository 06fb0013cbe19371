import { spawnSync } from "node:child_process";
import { domainDescription, imageVolume, isOwnVolume, libvirtName } from "../../components/names.ts";
import { UserError } from "../../sandbox/report.ts";
import { ask, order, type Pulumi } from "../backend.ts";
import type { Invocation } from "../invocation.ts";
import { type Deployment, settle } from "./deployment.ts";
import { forget, type Missing, missing, said, saidOf, standIn } from "./missing.ts";
import { orphans, unknownDomains, unknownVolumes } from "./orphans.ts";
import { parseSurvey, type Survey, surveyCommands } from "./survey.ts";
import { reasonIn, virsh } from "./virsh.ts";

/** A stack, and where what it is made of is to be looked for. */
export interface Place {
  readonly stack: string;
  /** URI of the stack's libvirt. */
  readonly uri: string;
  /** The words of a command that enter the network of that libvirt: none if it is this one. */
  readonly enter: readonly string[];
  /** Whether others use that libvirt, and no run of this stack was cut off: then there are no orphans. Defaults to false. */
  readonly isShared?: boolean;
  /** By what its domains are known as the stack's. Defaults to the stack's name. */
  readonly owner?: string | undefined;
  /** Whether what libvirt has under the stack's name is the stack's. Defaults to true. */
  readonly hasName?: boolean | undefined;
  /** Takes each line which says what was found and what was done. */
  readonly say: (line: string) => void;
}

/** Changes the state of a stack, if there is something to change. */
function edit<T>(pulumi: Pulumi, change: (deployment: Deployment) => ({ deployment: Deployment } & T) | undefined) {
  const exported = ask(pulumi, ["stack", "export"]);
  const file = exported === undefined ? undefined : JSON.parse(exported);
  const changed = change((file?.deployment ?? {}) as Deployment);
  if (changed !== undefined) {
    order(pulumi, ["stack", "import"], JSON.stringify({ ...file, deployment: changed.deployment }));
  }
  return changed;
}

/** Settles the operations that were under way when a run was cut off, in the stack's state. */
export function settlePending(pulumi: Pulumi, say: Place["say"]): void {
  edit(pulumi, settle)?.lines.forEach(say);
}

/**
 * Asks libvirt what it has of a stack, and starts what of it does not run, since neither the provider nor a guest can
 * use it then: the storage pool, which is defined again if somebody has undefined it, and the network.
 *
 * @returns undefined if libvirt does not answer
 */
export function survey(place: Place, deployment: Deployment): Survey | undefined {
  const { stack, uri } = place;
  const look = () => parseSurvey(virsh(uri, [surveyCommands(stack)])?.stdout ?? "");
  const found = look();
  if (found === undefined) {
    return undefined;
  }
  const pool = missing(found, deployment).find(({ kind }) => kind === "pool" && found.pool === undefined);
  if (pool !== undefined) {
    putStandIn(uri, pool);
    virsh(uri, ["pool-autostart", pool.name]);
  }
  const isPoolOff = pool !== undefined || found.pool?.isActive === false;
  if (isPoolOff) {
    startPool(place);
  }
  const isNetworkOff = found.network?.isActive === false;
  if (isNetworkOff) {
    startNetwork(place, found.network?.bridge);
  }
  return isPoolOff || isNetworkOff ? look() : found;
}

function startPool({ stack, uri, say }: Place): void {
  const pool = libvirtName(stack);
  virsh(uri, ["pool-build", pool]);
  demand(virsh(uri, ["pool-start", pool]), `storage pool ${pool} does not run and cannot be started`);
  say(`storage pool ${pool} did not run: started`);
}

/** A network that cannot start is no obstacle to `destroy`; a guest that needs it says so. */
function startNetwork({ stack, uri, enter, say }: Place, bridge: string | undefined): void {
  const network = libvirtName(stack);
  if (bridge !== undefined) {
    // A libvirtd that was killed while it started the network has forgotten that it had made the bridge.
    const [program = "ip", ...words] = [...enter, "ip", "link", "delete", "dev", bridge, "type", "bridge"];
    spawnSync(program, words, { stdio: "ignore" });
  }
  if (virsh(uri, ["net-start", network])?.status === 0) {
    say(`network ${network} did not run: started`);
  }
}

/** Whether a volume of the stack's pool is one that the stack makes. Whatever a person has put there is not. */
function isOurs({ stack, uri }: Place, volume: string): boolean {
  const definition = () => virsh(uri, ["vol-dumpxml", "--pool", libvirtName(stack), "--vol", volume])?.stdout ?? "";
  // A create that was cut off may have written no header yet.
  const disk = new RegExp(`<backingStore>\\s*<path>[^<]*/${imageVolume}</path>|<format type='raw'/>`);
  return isOwnVolume(volume) || (volume.endsWith(".qcow2") && disk.test(definition()));
}

/** Ends a `destroy` before it begins if the folder of the pool, which goes then, has something of somebody's in it. */
function keepOthers(place: Place, found: Survey, deployment: Deployment): void {
  const others = unknownVolumes(found, deployment).filter((volume) => !isOurs(place, volume));
  if (others.length > 0) {
    const pool = libvirtName(place.stack);
    throw new UserError(
      `cannot destroy stack ${place.stack}: its storage pool ${pool} holds ${others.join(", ")}, which it did not make; ` +
        `move that out of the pool's folder (virsh pool-dumpxml ${pool}), and run this again`,
    );
  }
}

/** Removes what libvirt has of the stack and the stack's state has not. */
export function removeOrphans(place: Place, found: Survey, deployment: Deployment): void {
  const { stack, uri, say, owner = stack, hasName = true } = place;
  const domains = unknownDomains(found, deployment).filter(
    ({ uuid }) => virsh(uri, ["desc", uuid])?.stdout.trim() === domainDescription(owner),
  );
  // All but domains are known by the name of the stack.
  const named = hasName ? found : { domains: found.domains, volumes: [] };
  const volumes = unknownVolumes(named, deployment).filter((volume) => isOurs(place, volume));
  for (const { what, removal } of orphans(stack, named, { domains, volumes }, deployment)) {
    const last = removal.map((words) => virsh(uri, words)).at(-1);
    demand(last, `${what} is not in the state of stack ${stack} and cannot be removed`);
    say(`${what} is not in the state of stack ${stack}: removed`);
  }
}

/** Puts something in the place of what is missing, so that `destroy` can delete it. */
function putStandIns({ uri }: Place, gone: readonly Missing[]): void {
  for (const it of gone) {
    putStandIn(uri, it);
  }
}

function putStandIn(uri: string, it: Missing): void {
  const definition = standIn(it);
  if (definition !== undefined) {
    const answer = virsh(uri, [definition.command, "/dev/stdin"], definition.xml);
    demand(answer, `${said(it)} is gone from libvirt, and nothing can be put in its place`);
  }
}

/** Takes what is missing out of the stack's state, and what cannot do without it: then `up` makes all of it again. */
function forgetMissing({ say }: Pick<Place, "say">, pulumi: Pulumi, gone: readonly Missing[]): void {
  const changed = edit(pulumi, (deployment) => forget(deployment, gone));
  const own = new Set(gone.map(({ resource }) => resource.urn));
  for (const it of gone) {
    say(`${said(it)} is gone from libvirt: forgotten`);
  }
  for (const resource of changed?.forgotten.filter(({ urn }) => !own.has(urn)) ?? []) {
    say(`${saidOf(resource)} cannot do without it: forgotten`);
  }
}

function demand(answer: ReturnType<typeof virsh>, otherwise: string): void {
  if (answer?.status !== 0) {
    throw new UserError(`${otherwise}: ${reasonIn(answer?.stderr ?? "there is no virsh")}`);
  }
}

/**
 * Brings libvirt and the state of a stack together, before pulumi runs.
 *
 * @param state reads the stack's state
 * @returns whether libvirt answers
 */
export function bringInOrder(
  place: Place,
  pulumi: Pulumi,
  { effect, command }: Pick<Invocation, "effect" | "command">,
  state: () => Deployment,
): boolean {
  const found = survey(place, state());
  if (found === undefined) {
    return false;
  }
  const gone = missing(found, state());
  // A domain is defined again by the step that boots it; a refresh would forget it, and not what is deleted with it.
  const lost = command === "refresh" ? gone : gone.filter(({ kind }) => kind !== "domain");
  if (effect === "preview") {
    for (const it of lost) {
      place.say(`${said(it)} is gone from libvirt: \`up\` makes it again, and the guests that need it`);
    }
    return true;
  }
  if (command === "destroy") {
    keepOthers(place, found, state());
  }
  if (command !== "destroy" && lost.length > 0) {
    forgetMissing(place, pulumi, lost);
  }
  if (!place.isShared || lost.length > 0) {
    removeOrphans(place, found, state());
  }
  if (command === "destroy") {
    putStandIns(place, gone);
  }
  return true;
}
