import * as pulumi from "@pulumi/pulumi";

/** How the facts of a machine are asked for: words of a command that runs the bash which is its last argument. */
export interface FactsReader {
  /** Command and arguments, never through a shell: `["bash", "-c"]`, or ssh to a user whose login shell is bash. */
  readonly command: readonly string[];
  /** Absolute path, on the machine, of the folder that holds a record for each step that succeeded. */
  readonly records: string;
  /** Seconds to wait for a machine that does not answer, before that is an error. */
  readonly timeout: number;
}

/** A step whose facts are compared with its record. */
export interface FactsOfStep {
  /** What the step does, for the messages. */
  readonly title: string;
  /** Read-only bash which prints a line `key: value` for each fact that the step establishes. */
  readonly facts: string;
}

export interface FactsArgs {
  readonly reader: pulumi.Input<FactsReader>;
  /** The steps of the machine, by name. */
  readonly steps: Readonly<Record<string, FactsOfStep>>;
}

/**
 * Reads, in one round trip a preview or `up`, the facts of all steps of one machine, and compares them with what
 * each step recorded when it succeeded. A difference is drift: it is reported in words, and raises the generation of
 * that step, which is part of the step's command, so that just this command runs again.
 *
 * Commands have no read of their own; the provider in provider/ is what gives them one.
 */
export class Facts extends pulumi.CustomResource {
  /** How often each step has drifted, plus one, by the step's name. */
  declare readonly generations: pulumi.Output<Readonly<Record<string, number>>>;

  constructor(name: string, args: FactsArgs, opts?: pulumi.CustomResourceOptions) {
    super("duet:machine:Facts", name, { ...args, generations: undefined }, opts);
  }
}
