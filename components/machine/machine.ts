import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { Facts, type FactsReader } from "./facts.ts";
import { type Shell, sh } from "./shell.ts";
import { createScript, deleteScript, recordFile, type Step, type StepArgs, stepCommand, stepInput } from "./step.ts";

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

export interface MachineArgs {
  /** Absolute path, on the machine, of the folder for the records of its steps. */
  readonly records: string;
  /** How to reach it. Defaults to no connection: the machine on which Pulumi runs. */
  readonly connection?: SshConnection;
  /** Seconds to wait for the machine when it does not answer. Defaults to 120. */
  readonly timeout?: number;
}

/**
 * Where steps run: this machine, or one across ssh.
 *
 * The facts of all of its steps are read at once, so they must be known at once: every step is declared in the same
 * turn of the event loop in which the machine was made, never inside an `apply`.
 */
export class Machine {
  readonly name: string;
  readonly #args: MachineArgs;
  readonly #opts: pulumi.CustomResourceOptions;
  readonly #steps: Record<string, { title: string; facts: string }> = {};
  readonly #generations: pulumi.Output<Readonly<Record<string, number>>>;
  #sealed = false;

  /**
   * @param name the name in Pulumi, unique in the stack
   * @param opts parent, and what the machine depends on before it can be reached
   */
  constructor(name: string, args: MachineArgs, opts: pulumi.CustomResourceOptions = {}) {
    this.name = name;
    this.#args = args;
    this.#opts = opts;
    this.#generations = pulumi.output(
      new Promise<pulumi.Output<Readonly<Record<string, number>>>>((resolve, reject) =>
        setImmediate(() => {
          try {
            resolve(this.#readFacts().generations);
          } catch (error) {
            reject(error);
          }
        }),
      ),
    );
  }

  /**
   * Declares a step of this machine.
   *
   * @throws where the name is taken, or the facts of this machine have been asked for already.
   */
  step(name: string, args: StepArgs, opts: pulumi.CustomResourceOptions): Step {
    if (this.#sealed || name in this.#steps) {
      const problem = this.#sealed ? "was declared after the facts were read" : "is declared twice";
      throw new Error(`step ${name} of ${this.name} ${problem}`);
    }
    const facts = args.facts ?? sh`:`;
    this.#steps[name] = { title: args.title, facts: facts.shell };
    const record = recordFile(this.#args.records, name);
    // The record of a step across goes with the machine that has it.
    const undo = pulumi
      .output(args.delete ?? sh`:`)
      .apply((script) => (args.across === undefined ? deleteScript(record, script) : script));
    const isKept = this.#args.connection === undefined && args.delete !== undefined;
    const create = pulumi
      .all([args.create, this.#generations, args.across, isKept ? undo : undefined])
      .apply(([create, generations, across, undo]) =>
        createScript(record, generations[name] ?? 1, { create, facts, undo, across }),
      );
    const resource = this.#command(name, create, undo, args, { deletedWith: this.#opts.deletedWith, ...opts });
    return { stdout: resource.stdout, resource };
  }

  #command(
    name: string,
    create: pulumi.Output<Shell>,
    undo: pulumi.Output<Shell>,
    args: StepArgs,
    opts: pulumi.CustomResourceOptions,
  ): command.local.Command | command.remote.Command {
    const secret = args.secretOutput ?? false;
    const logging = secret ? "none" : "stdoutAndStderr";
    const options = secret ? { ...opts, additionalSecretOutputs: ["stdout", "stderr"] } : opts;
    const stdin = pulumi.all([create, args.stdin ?? ""]).apply(([script, rest]) => stepInput(script, rest));
    const run = stepCommand(args.title).shell;
    const connection = args.across === undefined ? this.#args.connection : undefined;
    if (connection === undefined) {
      const interpreter = ["/bin/bash", "-c"];
      return new command.local.Command(
        name,
        { create: run, delete: undo.apply((script) => script.shell), stdin, interpreter, logging },
        options,
      );
    }
    const { host, user, privateKey, hostKey } = connection;
    return new command.remote.Command(
      name,
      {
        create: run,
        delete: undo.apply((script) => sh`exec bash -c ${script.shell}`.shell),
        connection: { host, user, privateKey, hostKey, dialErrorLimit: 4, perDialTimeout: 15 },
        stdin,
        logging,
        // Previous output would go through ssh's SetEnv, which a guest's sshd refuses.
        addPreviousOutputInEnv: false,
      },
      options,
    );
  }

  #readFacts(): Facts {
    this.#sealed = true;
    const connection = this.#args.connection;
    const reader: pulumi.Input<FactsReader> = {
      command: connection === undefined ? ["bash", "-c"] : connection.command,
      records: this.#args.records,
      timeout: this.#args.timeout ?? 120,
    } as pulumi.Input<FactsReader>;
    return new Facts(this.name, { reader, steps: this.#steps }, this.#opts);
  }
}
