import * as pulumi from "@pulumi/pulumi";
import { Image } from "../../components/guest/image.ts";
import { VirtualMachine, type VirtualMachineArgs } from "../../components/guest/virtual-machine.ts";
import { GuestAddress } from "../../components/host/guest-address.ts";
import { Host, type HostArgs } from "../../components/host/host.ts";
import { Network } from "../../components/host/network.ts";
import { inputOf } from "../../components/machine/step.ts";

/** A resource as the engine was asked to register it. Others are named by `TYPE NAME`. */
export interface Made {
  readonly type: string;
  readonly name: string;
  /** Its inputs, those that are secret without their wrapping. */
  // biome-ignore lint/suspicious/noExplicitAny: inputs are what a test looks into, whatever their shape.
  readonly inputs: Readonly<Record<string, any>>;
  /** Names of the inputs that are secret. */
  readonly secrets: readonly string[];
  /** Names of outputs that are secret whatever the provider says. */
  readonly secretOutputs: readonly string[];
  readonly parent: string | undefined;
  readonly dependsOn: readonly string[];
  readonly deletedWith: string | undefined;
  readonly deleteBeforeReplace: boolean;
  readonly replaceOnChanges: readonly string[];
  readonly ignoreChanges: readonly string[];
  readonly protect: boolean;
  /** The provider's `TYPE NAME`, if one was given. */
  readonly provider: string | undefined;
  /** What a component registered, or undefined if it never did. */
  outputs: Readonly<Record<string, unknown>> | undefined;
}

/** What a mocked command prints, by its name in Pulumi. */
export type Printed = Readonly<Record<string, string>>;

/** What a program made, in the order in which the engine heard of it. */
export interface Deployed<T> {
  readonly made: readonly Made[];
  /** What the program returned. */
  readonly value: T;
  /** The one resource of that type and name. */
  resource(type: string, name: string): Made;
}

const command = "command:local:Command";

/** `TYPE NAME` of a URN, or undefined for none. */
function label(urn: string): string | undefined {
  const [, , type = "", name] = urn.split("::");
  return name === undefined ? undefined : `${type.split("$").at(-1)} ${name}`;
}

/** A property as it was before it was marked as a secret, and whether it was. */
function unwrapped(value: unknown): readonly [value: unknown, secret: boolean] {
  return pulumi.runtime.isRpcSecret(value) ? [pulumi.runtime.unwrapRpcSecret(value), true] : [value, false];
}

function madeFrom(request: pulumi.runtime.MockResourceArgs, raw: RegisterRequest): Made {
  const inputs = Object.entries(request.inputs).map(([key, value]) => [key, ...unwrapped(value)] as const);
  return {
    type: request.type,
    name: request.name,
    inputs: Object.fromEntries(inputs.map(([key, value]) => [key, value])),
    secrets: inputs.flatMap(([key, , secret]) => (secret ? [key] : [])),
    secretOutputs: raw.getAdditionalsecretoutputsList(),
    parent: label(raw.getParent()),
    dependsOn: raw.getDependenciesList().flatMap((urn) => label(urn) ?? []),
    deletedWith: label(raw.getDeletedwith()),
    deleteBeforeReplace: raw.getDeletebeforereplace(),
    replaceOnChanges: raw.getReplaceonchangesList(),
    ignoreChanges: raw.getIgnorechangesList(),
    protect: raw.getProtect() ?? false,
    provider: label(raw.getProvider()),
    outputs: undefined,
  };
}

/** The parts of the engine's requests that the mocks of the SDK do not hand on. */
interface RegisterRequest {
  getAdditionalsecretoutputsList(): string[];
  getParent(): string;
  getDependenciesList(): string[];
  getDeletedwith(): string;
  getDeletebeforereplace(): boolean;
  getReplaceonchangesList(): string[];
  getIgnorechangesList(): string[];
  getProtect(): boolean | undefined;
  getProvider(): string;
}
interface OutputsRequest {
  getUrn(): string;
  getOutputs(): { toJavaScript(): Record<string, unknown> } | undefined;
}
interface Monitor {
  registerResource(request: RegisterRequest, callback: unknown): Promise<void>;
  registerResourceOutputs(request: OutputsRequest, callback: unknown): void;
}

/**
 * Runs a program against a mocked engine until every resource of it is registered.
 *
 * @param printed what commands print. Defaults to nothing.
 * @param generations how often steps have drifted, plus one. Defaults to none.
 * @param stack its name. Defaults to "dev".
 */
export async function deploy<T>(
  program: () => T | Promise<T>,
  printed: Printed = {},
  generations: Readonly<Record<string, number>> = {},
  stack = "dev",
): Promise<Deployed<T>> {
  const made: Made[] = [];
  let current: RegisterRequest | undefined;
  await pulumi.runtime.setMocks(
    {
      newResource: (request) => {
        const resource = madeFrom(request, current as RegisterRequest);
        made.push(resource);
        return {
          id: `id of ${request.name}`,
          state: { ...request.inputs, ...outputsOf(resource, printed, generations) },
        };
      },
      call: ({ inputs }) => inputs,
    },
    "duet",
    stack,
  );
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) => {
    current = request;
    return register(request, callback);
  };
  const registerOutputs = monitor.registerResourceOutputs.bind(monitor);
  monitor.registerResourceOutputs = (request, callback) => {
    const resource = made.find(({ type, name }) => `${type} ${name}` === label(request.getUrn()));
    if (resource !== undefined) {
      resource.outputs = request.getOutputs()?.toJavaScript() ?? {};
    }
    registerOutputs(request, callback);
  };
  const value = await Promise.resolve()
    .then(program)
    // What a program that failed had begun is over before the next one begins.
    .finally(() => pulumi.runtime.disconnect());
  const resource = (type: string, name: string): Made => {
    const found = made.filter((one) => one.type === type && one.name === name);
    if (found.length !== 1) {
      throw new Error(`${found.length} resources are ${type} ${name}; there are ${made.map((one) => one.name)}`);
    }
    return found[0] as Made;
  };
  return { made, value, resource };
}

function outputsOf(
  { type, name }: Made,
  printed: Printed,
  generations: Readonly<Record<string, number>>,
): Record<string, unknown> {
  if (type.startsWith("command:")) {
    return { stdout: printed[name] ?? "", stderr: "" };
  }
  return type === "duet:machine:Facts" ? { generations, epoch: 1 } : {};
}

/** The value of an output, whether it is secret, once it is known. */
export async function settled<T>(output: pulumi.Output<T>): Promise<{ readonly value: T; readonly secret: boolean }> {
  const value = await new Promise<T>((resolve) => output.apply((known) => resolve(known as T)));
  return { value, secret: await pulumi.isSecret(output) };
}

/** What a step's command takes from its standard input. */
export interface Input {
  /** The file of the step, as a machine keeps it. */
  readonly file: string;
  /** The same without its frame: the values and the text, for `runStep`. */
  readonly script: string;
  /** What follows: the input of the step itself. */
  readonly stdin: string;
}

export function scriptOf({ inputs }: Made): Input {
  const { file, rest } = inputOf(inputs.stdin as string);
  return { file, script: file.split("\n").slice(3).join("\n"), stdin: rest };
}

/** A host, as components take it. */
export function localHost(args: Partial<HostArgs> = {}): Host {
  return new Host("host", {
    stack: "dev",
    uri: "qemu:///system",
    enter: [],
    accelerator: "tcg",
    cache: "/cache",
    leases: "/state/leases",
    stateFolder: "/state/dev",
    consoleLogs: "/log",
    consoleLogsHere: "/log",
    stubs: "/stubs",
    developer: { uid: 1000, gid: 1001 },
    home: "/home/dev",
    ...args,
  });
}

/** A step of the machine on which Pulumi runs. */
export function localStep(deployed: Deployed<unknown>, name: string): Made {
  return deployed.resource(command, name);
}

/** The value that a step is given under a name, as it stands in its file, quoted for bash. */
export function given(made: Made, name: string): string | undefined {
  return new RegExp(`^${name}=(.*)$`, "m").exec(scriptOf(made).script)?.[1];
}

/**
 * A guest, as components take it, with all that it needs.
 *
 * @param prefix what the names of that begin with, if there is another guest. Defaults to nothing.
 * @param stub where its gdb stub listens. Defaults to a port.
 */
export function localGuest(
  name = "vm",
  args: Partial<HostArgs> = {},
  prefix = "",
  stub?: VirtualMachineArgs["stub"],
): VirtualMachine {
  const host = localHost(args);
  const network = new Network(`${prefix}network`, { host });
  const image = new Image(`${prefix}image`, { host, source: { path: "/i.qcow2" }, smallestDisk: 8 });
  const address = new GuestAddress(name, { host, network });
  return new VirtualMachine(name, { host, network, image, address, symbols, stub, memory: 1024, vcpus: 2, disk: 8 });
}

/** Where the symbols of that guest are. */
export const symbols = { tree: "/src/kernel", build: "/src/build", modules: "/src/module" };

/** What the steps of `localGuest` print. */
export function printedOf(name = "vm"): Printed {
  const keys = ["CLIENT KEY", "ssh-ed25519 C c", "HOST KEY", "ssh-ed25519 H h"];
  return {
    "network-subnet": "151",
    [`${name}-address`]: "192.168.151.10",
    [`${name}-gdb-port`]: "1240",
    [`${name}-access`]: keys.map((text) => Buffer.from(text).toString("base64")).join("\n"),
  };
}
