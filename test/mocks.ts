import * as pulumi from "@pulumi/pulumi";
import { Machine } from "../components/machine/machine.ts";

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
  /** The provider's `TYPE NAME`, where one was given. */
  readonly provider: string | undefined;
  /** What a component registered, or undefined where it never did. */
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
 * @param generations how often steps have drifted, plus one. Defaults to 1 each.
 */
export async function deploy<T>(
  program: () => T,
  printed: Printed = {},
  generations: Readonly<Record<string, number>> = {},
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
    "dev",
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
  const value = program();
  // A machine registers its facts a turn later than its steps.
  await new Promise((resolve) => setImmediate(resolve));
  await pulumi.runtime.disconnect();
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
  { type, name, inputs }: Made,
  printed: Printed,
  generations: Readonly<Record<string, number>>,
): Record<string, unknown> {
  if (type.startsWith("command:")) {
    return { stdout: printed[name] ?? "", stderr: "" };
  }
  return type === "duet:machine:Facts"
    ? { generations: Object.fromEntries(Object.keys(inputs.steps).map((step) => [step, generations[step] ?? 1])) }
    : {};
}

/** The value of an output, whether it is secret, once it is known. */
export async function settled<T>(output: pulumi.Output<T>): Promise<{ readonly value: T; readonly secret: boolean }> {
  const value = await new Promise<T>((resolve) => output.apply((known) => resolve(known as T)));
  return { value, secret: await pulumi.isSecret(output) };
}

/** The script that a command takes from its standard input, and what follows it there. */
export function scriptOf({ inputs }: Made): { readonly script: string; readonly stdin: string } {
  const text = Buffer.from(inputs.stdin as string);
  const size = text.indexOf("\n");
  const end = size + 1 + Number(text.subarray(0, size));
  return { script: text.subarray(size + 1, end).toString(), stdin: text.subarray(end).toString() };
}

/** This machine, as a component's `host` or `guest`. */
export function localMachine(name = "host"): Machine {
  return new Machine(name, { records: "/state/steps" });
}

/** A step of the machine on which Pulumi runs. */
export function localStep(deployed: Deployed<unknown>, name: string): Made {
  return deployed.resource(command, name);
}
