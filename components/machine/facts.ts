import * as pulumi from "@pulumi/pulumi";

/** How a machine is asked for its facts: words of a command that runs the bash which is its last argument. */
export interface FactsReader {
  /** Command and arguments, never through a shell: `["bash", "-c"]`, or ssh to a user whose login shell is bash. */
  readonly command: readonly string[];
  /** Absolute path, on the machine, of the folder of its steps and their records. */
  readonly records: string;
  /** Seconds to wait for a machine that does not answer, before that is an error. */
  readonly timeout: number;
}

export interface FactsArgs {
  readonly reader: pulumi.Input<FactsReader>;
}

/**
 * Reads, in one round trip a preview or `up`, the facts of all steps of one machine, and compares them with what
 * each step recorded when it succeeded. A difference is drift: it is reported in words, and raises the generation of
 * that step, which is part of the step's file, so that just this step runs again.
 *
 * Commands have no read of their own; the provider in provider/ is what gives them one.
 */
export class Facts extends pulumi.CustomResource {
  /** How often each step has drifted, plus one, by the step's name. One that never has may be missing. */
  declare readonly generations: pulumi.Output<Readonly<Record<string, number>>>;
  /** How often all of the machine's steps were gone, plus one. */
  declare readonly epoch: pulumi.Output<number>;

  constructor(name: string, args: FactsArgs, opts?: pulumi.CustomResourceOptions) {
    super("duet:machine:Facts", name, { ...args, generations: undefined, epoch: undefined }, opts);
  }
}
