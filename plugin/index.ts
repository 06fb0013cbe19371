/** The environment as a component package, for programs in YAML and in the other languages of Pulumi. */
import * as pulumi from "@pulumi/pulumi";
import { DuetEnvironment, onThisMachine, SpecError, type SpecInput } from "../library.ts";
import { version } from "../provider/service.ts";
import { packageSchema } from "./schema.ts";

/** A line for each part of the inputs that is an output: all of a spec has to be known before anything is made. */
function outputsIn(path: string, value: unknown): readonly string[] {
  if (pulumi.Output.isInstance(value)) {
    return [`duet:${path}: asked for an output or a secret; write the value out`];
  }
  const part = (key: string) => (Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
  return typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([key, inside]) => outputsIn(part(key), inside))
    : [];
}

const provider: pulumi.provider.Provider = {
  version,
  schema: JSON.stringify(packageSchema(version)),
  async construct(name, _type, inputs, options) {
    const outputs = Object.entries(inputs).flatMap(([key, value]) => outputsIn(key, value));
    if (outputs.length > 0) {
      throw new SpecError(outputs);
    }
    const made = new DuetEnvironment(name, onThisMachine(inputs as SpecInput), options);
    const { urn, vms, webConsole, workspace } = made;
    return { urn, state: { vms, webConsole, workspace } };
  },
};

pulumi.provider.main(provider, process.argv.slice(2));
