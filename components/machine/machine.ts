import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { Facts, type FactsReader } from "./facts.ts";
import {
  type Announced,
  announcementMark,
  type Frame,
  progressVariable,
  resultIn,
  type Step,
  type StepArgs,
  stepCommand,
  stepFile,
  stepInput,
  stepSuffix,
} from "./step.ts";

/** How a machine is reached that is not the one on which Pulumi runs. */
export interface SshConnection {
  /** Host name or address. */
  readonly host: pulumi.Input<string>;
  /** The user to log in as; the steps of a guest need root. */
  readonly user: string;
  /** Private key in OpenSSH's format. A secret. */
  readonly privateKey: pulumi.Input<string>;
  /** Public host key, as `ssh-ed25519 AAAA…`: nothing is trusted on first use. */
  readonly hostKey: pulumi.Input<string>;
  /** The words of an ssh command that reaches the same machine with the same keys, for reading facts. */
  readonly command: pulumi.Input<readonly string[]>;
}

/** How a machine is reached, and where it keeps its steps. */
export interface MachineArgs {
  /** Absolute path, on the machine, of the folder for its steps: each one's file and its record. */
  readonly records: string;
  /** Words that run its steps as somebody else: sudo. Only for the machine on which Pulumi runs. Defaults to none. */
  readonly as?: readonly string[];
  /** How to reach it. Defaults to no connection: the machine on which Pulumi runs. */
  readonly connection?: SshConnection;
  /** Seconds to wait for the machine when it does not answer. Defaults to 120. */
  readonly timeout?: number;
}

/** How often the steps of a machine have drifted: see Facts. */
export interface Drift {
  readonly generations: Readonly<Record<string, number>>;
  readonly epoch: number;
}

/** Where steps run: this machine, or one across ssh. It keeps its steps, and is asked about all of them at once. */
export class Machine {
  /** Its name in Pulumi. */
  readonly name: string;
  readonly #args: MachineArgs;
  readonly #opts: pulumi.CustomResourceOptions;
  readonly #steps = new Set<string>();
  #facts: Facts | undefined;

  /**
   * @param name the name in Pulumi, unique in the stack
   * @param opts parent, and what the machine depends on before it can be reached
   */
  constructor(name: string, args: MachineArgs, opts: pulumi.CustomResourceOptions = {}) {
    this.name = name;
    this.#args = args;
    this.#opts = opts;
  }

  /**
   * Declares a step of this machine, at any time.
   *
   * @throws if the name is taken
   */
  step(name: string, args: StepArgs, opts: pulumi.CustomResourceOptions): Step {
    if (this.#steps.has(name)) {
      throw new Error(`step ${name} of ${this.name} is declared twice`);
    }
    this.#steps.add(name);
    const { records, connection, as = [] } = this.#args;
    const { title, secretOutput = false } = args;
    const isLocal = connection === undefined || args.across !== undefined;
    const frame = pulumi.output(args.across).apply((across): Frame => ({ title, step: name, records, across }));
    const file = pulumi
      .all([frame, args.script, this.#generation(name)])
      .apply(([known, script, generation]) => stepFile(known, script, generation));
    // What a command is does not hang on values that a preview may not know.
    const shape: Frame = { title, step: name, records, across: args.across === undefined ? undefined : [] };
    const inputs = {
      create: stepCommand(shape, isLocal, "create", as).shell,
      delete: stepCommand(shape, isLocal, "delete", as).shell,
      stdin: pulumi.all([file, args.stdin ?? ""]).apply(([text, rest]) => stepInput(text, rest, as.length > 0)),
      logging: secretOutput ? ("none" as const) : ("stdoutAndStderr" as const),
    };
    const first = [opts.dependsOn, this.#opts.dependsOn];
    if (process.env[progressVariable] !== undefined) {
      announce({ name, title, after: awaited(pulumi.all([inputs.stdin, args.across]), first) });
    }
    const options = {
      deletedWith: this.#opts.deletedWith,
      ...opts,
      ...(secretOutput ? { additionalSecretOutputs: ["stdout", "stderr"] } : {}),
    };
    const resource = isLocal
      ? new command.local.Command(name, { ...inputs, interpreter: ["/bin/bash", "-c"] }, options)
      : new command.remote.Command(name, { ...inputs, ...this.#remote(connection) }, options);
    const { stdout } = resource;
    return { stdout, resource, input: inputs.stdin, result: (key) => stdout.apply((text) => resultIn(text, key)) };
  }

  /** Absolute path, on the machine, of the file of a step: `bash FILE create` does it by hand. */
  fileOf(step: string): string {
    return `${this.#args.records}/${step}${stepSuffix}`;
  }

  /** Changes when a step has to run again, though its script is the same. */
  #generation(step: string): pulumi.Output<string> {
    return this.drift.apply(({ generations, epoch }) => `${epoch}.${generations[step] ?? 1}`);
  }

  /** How often its steps have drifted by now. Known before any of them runs. */
  get drift(): pulumi.Output<Drift> {
    this.#facts ??= new Facts(this.name, { reader: this.#reader() }, this.#opts);
    const { generations, epoch } = this.#facts;
    return pulumi.all([generations, epoch]).apply(([generations, epoch]) => ({ generations, epoch }));
  }

  #remote({ host, user, privateKey, hostKey }: SshConnection) {
    return {
      connection: { host, user, privateKey, hostKey, dialErrorLimit: 4, perDialTimeout: 15 },
      // Previous output would go through ssh's SetEnv, which a guest's sshd refuses.
      addPreviousOutputInEnv: false,
    };
  }

  #reader(): pulumi.Input<FactsReader> {
    const { connection, records, timeout = 120 } = this.#args;
    const words: readonly string[] = ["bash", "-c"];
    return pulumi.output({ command: connection?.command ?? words, records, timeout }) as pulumi.Output<FactsReader>;
  }
}

/** Says of a step, to whoever shows the progress of the run, that it is to come. */
function announce(step: Announced): void {
  pulumi.log.debug(`${announcementMark}${JSON.stringify(step)}`);
}

/** A resource, and an output, as the SDK knows them; it has no other way to ask what something waits for. */
interface Named {
  readonly __name?: unknown;
  readonly __childResources?: ReadonlySet<Named>;
}
interface Awaiting {
  resources?(): ReadonlySet<Named>;
}

/** Names of what has to be there first, as far as that is known at once. */
function awaited(inputs: pulumi.Output<unknown>, dependsOn: readonly unknown[]): readonly string[] {
  const all = [...((inputs as Awaiting).resources?.() ?? []), ...dependsOn.flat()];
  return [...new Set(all.flatMap(namesOf))];
}

/** Whoever waits for a component waits for its children. */
function namesOf(one: unknown): readonly string[] {
  const { __name, __childResources = [] } = (one ?? {}) as Named;
  const isComponent = pulumi.ComponentResource.isInstance(one);
  return isComponent ? [...__childResources].flatMap(namesOf) : typeof __name === "string" ? [__name] : [];
}
