import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { hypervisorPackages } from "../components/host/package-lists.ts";
import { domainDescription, libvirtName, libvirtTypes, nameLeases } from "../components/names.ts";
import { exclusive } from "../sandbox/exclusive.ts";
import { missingPackages } from "../sandbox/packages.ts";
import { UserError } from "../sandbox/report.ts";
import { ask, backendFolder, backendUrl, login, type Pulumi, pulumiEnvironment, readCheckpoint } from "./backend.ts";
import { type Call, runMark, say } from "./call.ts";
import { hasPassphrase, ownConfiguration } from "./configuration.ts";
import { folders, leasesOf, stackFolder } from "./environment.ts";
import { begunIdentity, type Identity, identityOf, idVariable, keepIdentity } from "./identity.ts";
import { obtainPassphrase } from "./passphrase.ts";
import { showsProgress } from "./progress/asked.ts";
import { project } from "./project.ts";
import type { Deployment } from "./repair/deployment.ts";
import { runVariable } from "./repair/leftovers.ts";
import { recorded } from "./repair/survey.ts";
import { reasonIn, virsh } from "./repair/virsh.ts";
import { obtainRights, workOfDestroy, workOfUp } from "./rights.ts";
import { rootAccess } from "./root.ts";
import { runStackCommand } from "./stack-command.ts";
import type { StackHost } from "./stack-host.ts";
import { startLibvirt } from "./start-libvirt.ts";
import { giveBack, makeStackFolder } from "./state.ts";
import { type Daemon, watchLibvirt } from "./watch.ts";

/** The system's libvirtd, or the part of the modular one that has QEMU's domains. */
const daemons: readonly Daemon[] = [
  { file: "/run/libvirtd.pid", name: "libvirtd" },
  { file: "/run/virtqemud.pid", name: "virtqemud" },
];

/** This machine's own libvirt, with the user's own backend. */
export async function workstation(call: Call, uri: string): Promise<StackHost> {
  const { state, stack, words, invocation } = call;
  const toolchain = await call.toolchain();
  const environment: NodeJS.ProcessEnv = {
    ...pulumiEnvironment(toolchain),
    ...login(),
    PULUMI_STACK: call.qualifiedStack,
    // The spec is a source of the user's: `stack rm` would remove it.
    PULUMI_OPTION_PRESERVE_CONFIG: "true",
    // A copy of the spec that was lost gets back from the state how secrets are kept.
    PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: "true",
    [runVariable]: runMark(call),
  };
  const pulumi: Pulumi = { program: toolchain.pulumi, directory: project, environment };
  const url = backendUrl(process.env.PULUMI_BACKEND_URL, environment.PULUMI_CREDENTIALS_PATH ?? toolchain.home);
  const backend = backendFolder(url, homedir());
  const { shared } = folders(process.env);
  const folder = stackFolder(state, stack);
  const checkpoint = () => (backend === undefined ? undefined : readCheckpoint(backend, stack));
  const deployment = () => checkpoint() ?? exported(pulumi);
  /** Whether pulumi needs a passphrase: as far as that can be told without a backend that is far away. */
  const isLocked = () => hasPassphrase(state, stack) || checkpoint()?.secrets_providers?.type === "passphrase";
  /** The options that have pulumi read, and write, the stack's own copy of the spec. */
  const configured = () => {
    makeStackFolder(state, stack);
    return ["--config-file", ownConfiguration(call.spec, state, stack)];
  };
  let known: Identity | undefined;
  const identity = (): Identity => {
    known ??= identityOf(folder, stack, url, deployment);
    return known;
  };
  return {
    uri,
    enter: [],
    isShared: true,
    images: uri.startsWith("qemu:///system") ? "/var/lib/libvirt/images" : undefined,
    backend,
    asksLogin: url === "",
    get root() {
      return rootAccess(shared, identity());
    },
    owner: () => identity().owner,
    hasName: () => leaseOf(shared, stack) === identity().owner,
    pulumi: async () => pulumi,
    prepare: async () => {
      const { command, effect } = invocation;
      await call.check();
      const begins = effect === "run" && command !== "destroy";
      known = begins ? begunIdentity(stack, identity()) : identity();
      const holder = leaseOf(shared, stack);
      requireName(stack, holder, known);
      requireLibvirt(uri, command === "up");
      if (command === "up") {
        requireNames(call, uri, holder, known, deployment);
      }
      environment[idVariable] = known.id;
      const options = configured();
      if (begins) {
        keepIdentity(folder, known, url);
      }
      // A preview asks by itself, unless its display is ours: then there is nobody whom it could ask.
      const isAsked = effect === "run" || (process.stdout.isTTY && showsProgress(invocation, words));
      if (isAsked && isLocked()) {
        Object.assign(environment, obtainPassphrase(stack, words));
      }
      if (effect === "run" && rootAccess(shared, known) !== undefined) {
        const asked = ["--stack", call.qualifiedStack, ...options];
        const work = () => (command === "destroy" ? workOfDestroy(deployment()) : workOfUp(pulumi, asked));
        obtainRights(work, say);
      }
      return options;
    },
    deployment,
    isThere: () => true,
    // Of another machine's libvirt, or a session's, nothing is known here.
    watch: () => watchLibvirt(uri.startsWith("qemu:///system") ? daemons : [], "ends when idle"),
    end: () => giveBack(state, stack),
    onState: () => runStackCommand(call, pulumi),
    // A preview of a stack that is not there yet leaves nothing of it.
    look: async (work) => {
      const wasThere = existsSync(folder);
      try {
        return await work();
      } finally {
        const release = wasThere ? undefined : await exclusive(`stack ${stack}`, folder).catch(() => undefined);
        if (release !== undefined) {
          await giveBack(state, stack);
          release();
        }
      }
    },
  };
}

function exported(pulumi: Pulumi): Deployment | undefined {
  const text = ask(pulumi, ["stack", "export"]);
  return text === undefined ? undefined : JSON.parse(text).deployment;
}

/** Who has the name of a stack on this host. */
function leaseOf(shared: string, stack: string): string | undefined {
  const file = join(nameLeases(leasesOf(shared)), stack);
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

/** @throws UserError if the stack's name is another stack's on this host, with whose that is */
function requireName(stack: string, holder: string | undefined, { owner }: Identity): void {
  if (holder !== undefined && holder !== owner) {
    throw new UserError(
      `cannot use the name ${stack}: on this host it is that of the stack ${holder}; give your stack another name`,
    );
  }
}

/**
 * Refuses what libvirt has of somebody else's by the names of the stack, before anything runs.
 *
 * @param holder who has the stack's name on this host
 * @param deployment reads the stack's state, if something has a name of it
 * @throws UserError which says whose it is
 */
function requireNames(
  { stack, guests }: Call,
  uri: string,
  holder: string | undefined,
  { owner }: Identity,
  deployment: () => Deployment | undefined,
): void {
  const network = libvirtName(stack);
  const questions = [`echo =network; net-uuid ${network}`, ...guests.map((it) => `echo =${it}; desc ${it}`)];
  const answers = (virsh(uri, [questions.join("; ")])?.stdout ?? "").matchAll(/^=(\S+)\n([^=\n].*)$/gm);
  const isOurs = (name: string, type: string) =>
    recorded(deployment() ?? {}, type).some((resource) => resource.name === name);
  for (const [, name = "", said = ""] of answers) {
    // Before names were leased, a stack had what is called by its name.
    const isNetwork = name === "network" && holder === undefined;
    if (isNetwork && !isOurs(network, libvirtTypes.network)) {
      throw new UserError(
        `cannot make network ${network}: libvirt has one of that name, which is not of this stack; ` +
          "give the stack another name",
      );
    }
    if (name !== "network" && said !== domainDescription(owner) && !isOurs(name, libvirtTypes.domain)) {
      throw new UserError(
        `cannot make domain ${name}: libvirt has one of that name, which is not of this stack (${said}); ` +
          'give the guest another name in duet:vms, or move that one: docs/workstation.md, "A guest that is there"',
      );
    }
  }
}

/**
 * Makes sure that this machine's own libvirt answers, if it is there. If it is not, or an apt that was cut off has left
 * a part of it, `up` installs it: the first step.
 *
 * @throws UserError which says what to do
 */
function requireLibvirt(uri: string, installs: boolean): void {
  if (!uri.startsWith("qemu:///")) {
    return;
  }
  const answer = virsh(uri, ["uri"]);
  if (answer === undefined && !installs) {
    throw new UserError(`cannot look at libvirt at ${uri}: virsh is not installed; \`up\` installs it`);
  }
  if (answer === undefined || answer.status === 0 || (installs && lacksLibvirt())) {
    return;
  }
  const isForbidden = /Permission denied|authentication|access denied/i.test(answer.stderr);
  // `up` has the person join the group, and opens the socket until the next login.
  if (isForbidden && installs) {
    return;
  }
  throw new UserError(`cannot reach libvirt at ${uri}: ${reasonIn(answer.stderr)}; ${advice(isForbidden)}`);
}

/** Where the modular libvirt listens: the provider of Pulumi knows the other one only. */
const modular = "/run/libvirt/virtqemud-sock";

function advice(isForbidden: boolean): string {
  if (isForbidden) {
    return "join its group, sudo adduser $(id -un) libvirt, and log in again";
  }
  return `start it as root: ${startLibvirt(existsSync(modular))}`;
}

/** Whether packages of libvirt are missing, or not installed to the end, if dpkg is what installs them here. */
function lacksLibvirt(): boolean {
  return existsSync("/var/lib/dpkg/status") && missingPackages(hypervisorPackages).length > 0;
}
