import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import type { GuestAccess } from "../components/guest-access.ts";
import { sh } from "../components/machine/shell.ts";
import { resultIn } from "../components/machine/step.ts";
import { guestId, moduleBuildStep } from "../components/names.ts";
import { ask, backendFolder, backendUrl, login, readCheckpoint } from "../launcher/backend.ts";
import { ownFile } from "../launcher/configuration.ts";
import { folders, stackFolder } from "../launcher/environment.ts";
import { groundOf } from "../launcher/ground.ts";
import { keptId } from "../launcher/identity.ts";
import { bareName } from "../launcher/invocation.ts";
import { runAsPerson } from "../launcher/person.ts";
import { project, specFile } from "../launcher/project.ts";
import {
  type AskedMachine,
  type Deployment,
  machinesIn,
  nameOf,
  type Resource,
  stands,
} from "../launcher/repair/deployment.ts";
import { backendOf } from "../launcher/state.ts";
import { requireRoot } from "../sandbox/host.ts";
import { sandboxPathsFrom } from "../sandbox/paths.ts";
import { installed, toolchainEnvironment } from "../toolchain/install.ts";
import { CtlError, exitCodes } from "./exit.ts";
import { neededStack, standingStacks } from "./stacks.ts";

/** A stack that stands, by its own state: no machine has been asked anything. */
export interface Standing {
  readonly name: string;
  /** Whether it is on the embedded host. */
  readonly isEmbedded: boolean;
  /** Absolute path of the spec from which it was brought up. */
  readonly spec: string;
  /** URI of its libvirt. */
  readonly uri: string;
  /** Words before a command that reaches its guests and stubs. */
  readonly enter: readonly string[];
  /** Absolute path of the sources directory. */
  readonly sources: string;
  /** What a guest mounts of it, each as `ADDRESS:PATH`; none before it is served. */
  readonly exports: readonly string[];
  /** The machines with facts, and how the last `up` asked them: behind the words of `enter`. */
  readonly machines: readonly AskedMachine[];
  /** Absolute path of the folder of the stack in the state. */
  readonly folder: string;
  /** Its guests. One that has never come up whole has no address, no stub and no command for gdb: they are empty. */
  readonly guests: readonly GuestAccess[];
  /** Its kernels, one at least, each with the module that was built for it. */
  readonly builds: readonly [Built, ...Built[]];
  /** Name of the module. */
  readonly module: string;
  /** Absolute path of the workspace file for editors; undefined if it was brought up without. */
  readonly workspace: string | undefined;
  /** Absolute path of the folder of what root's steps keep of the stack. */
  readonly rootFolder: string;
  /** Absolute path of the user's own folder of crashes; undefined if none was asked for. */
  readonly crashes: string | undefined;
  /** Absolute path of the folder of the consoles' logs. */
  readonly consoles: string;
  /** Absolute paths of the folder of libvirt's logs. */
  readonly logs: { readonly libvirtd: string; readonly guests: string };
}

/** A kernel and its module, as they were built last. */
export interface Built {
  /** Name of the kernel; undefined if the stack has one. */
  readonly name: string | undefined;
  /** Undefined if it was not built yet. */
  readonly kernel: { readonly release: string; readonly buildId: string } | undefined;
  /** The module's build id; undefined if it was not built yet. */
  readonly module: string | undefined;
}

/**
 * The stack that is meant, as its state has it. Run through sudo for a stack of a person's, duetctl goes on as that
 * person: then this does not return, but ends the process with the status of that.
 *
 * @param named what the user has named it, if anything
 * @throws CtlError if it does not stand
 */
export async function standingStack(named: string | undefined, environment: NodeJS.ProcessEnv): Promise<Standing> {
  if (named === undefined && standingStacks(environment).length === 0) {
    await goOnAsPerson();
  }
  const stack = bareName(neededStack(named, environment));
  const { state, shared } = folders(environment);
  const folder = stackFolder(state, stack);
  // What it was brought up from; the spec may say something else by now.
  const spec = [ownFile(state, stack), specFile(stack)].find((file) => existsSync(file));
  const text = spec === undefined ? "" : readFileSync(spec, "utf8");
  const ground = groundOf(text, spec ?? "");
  const embedded = readCheckpoint(backendOf(state), stack);
  const isEmbedded = ground.sandbox || embedded !== undefined;
  if (isEmbedded) {
    requireRoot(`look at stack ${stack}, which is on the embedded host`);
  } else {
    await goOnAsPerson();
  }
  const deployment = isEmbedded ? embedded : ownDeployment(stack, environment);
  if (!stands(deployment)) {
    throw new CtlError(exitCodes.noStack, `stack ${stack} does not stand; do duetctl up --stack ${stack}`);
  }
  const paths = sandboxPathsFrom(environment);
  const enter = isEmbedded ? ["ip", "netns", "exec", paths.namespace] : [];
  const { guests, ...built } = known(deployment?.resources ?? []);
  const begun = ground.guests.filter((name) => guests.every((guest) => guest.name !== name));
  const rootFolder = isEmbedded ? folder : join(shared, "stacks", keptId(folder)?.id ?? "");
  return {
    name: stack,
    isEmbedded,
    spec: spec ?? specFile(stack),
    uri: isEmbedded ? paths.uri : ground.uri,
    enter,
    sources: ground.sources,
    folder,
    ...built,
    guests: [...guests, ...begun.map((name) => accessToBegun(name, enter, folder))],
    module: parse(text)?.config?.["duet:module"]?.name ?? "duet",
    rootFolder,
    crashes: parse(text)?.config?.["duet:host"]?.crashes?.directory,
    consoles: isEmbedded
      ? paths.guestLogDirectory
      : process.getuid?.() === 0
        ? paths.guestLogs
        : join(rootFolder, "consoles"),
    logs: isEmbedded
      ? { libvirtd: join(paths.log, "libvirtd.log"), guests: paths.guestLogDirectory }
      : { libvirtd: "/var/log/libvirt/libvirtd.log", guests: paths.guestLogs },
  };
}

async function goOnAsPerson(): Promise<void> {
  const ended = await runAsPerson(process.argv.slice(1));
  if (ended !== undefined) {
    process.exit(ended);
  }
}

/** The state of a stack on the user's own backend: read from its file, if it has one, and else asked of pulumi. */
function ownDeployment(stack: string, environment: NodeJS.ProcessEnv): Deployment | undefined {
  const toolchain = installed(environment);
  const credentials = login().PULUMI_CREDENTIALS_PATH ?? toolchain?.home ?? "";
  const backend = backendFolder(backendUrl(environment.PULUMI_BACKEND_URL, credentials), homedir());
  if (backend !== undefined || toolchain === undefined) {
    return backend === undefined ? undefined : readCheckpoint(backend, stack);
  }
  const full = { ...toolchainEnvironment(toolchain, environment), ...login() };
  const pulumi = { program: toolchain.pulumi, directory: project, environment: full };
  const text = ask(pulumi, ["stack", "export", "--stack", stack]);
  return text === undefined ? undefined : JSON.parse(text).deployment;
}

/** How to work with a guest that has never come up whole: the files that ssh needs are there before the guest is. */
function accessToBegun(name: string, enter: readonly string[], folder: string): GuestAccess {
  const ssh = sh`${[...enter, "ssh", "-F", join(folder, guestId(name), "ssh_config"), name]}`;
  return { name, address: "", stub: "", kernelRelease: "", sshCommand: ssh.shell, gdbCommand: "" };
}

/** What a state says of a stack. */
function known(
  resources: readonly Resource[],
): Pick<Standing, "guests" | "exports" | "machines" | "builds" | "workspace"> {
  const outputs = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
  return {
    guests: (outputs.vms ?? []) as readonly GuestAccess[],
    exports: resources.flatMap(({ type, outputs }) =>
      type === "duet:host:NfsExport" && typeof outputs?.mountSource === "string" ? [outputs.mountSource] : [],
    ),
    machines: machinesIn(resources),
    builds: buildsIn(resources),
    workspace: outputs.workspace as string | undefined,
  };
}

function buildsIn(resources: readonly Resource[]): Standing["builds"] {
  const kernels = resources.filter(({ type }) => type === "duet:kernel:KernelBuild");
  const [first, ...others] = kernels.map((one): Built => {
    const name = /^kernel\.(.+)$/.exec(nameOf(one))?.[1];
    return { name, kernel: one.outputs as Built["kernel"], module: moduleBuild(resources, name) };
  });
  return [first ?? { name: undefined, kernel: undefined, module: undefined }, ...others];
}

function moduleBuild(resources: readonly Resource[], kernel: string | undefined): string | undefined {
  const step = moduleBuildStep(kernel);
  const { outputs } = resources.find((one) => nameOf(one) === step && one.type.startsWith("command:")) ?? {};
  const stdout = outputs?.stdout;
  return typeof stdout === "string" && /^build-id: /m.test(stdout) ? resultIn(stdout, "build-id") : undefined;
}
