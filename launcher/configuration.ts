import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { order, type Pulumi, readCheckpoint } from "./backend.ts";
import { stackFolder } from "./environment.ts";
import { backendOf, read, replace, writing } from "./state.ts";

/**
 * What Pulumi writes into a stack's file, by the key of each line: how the stack's secrets are kept. Source: ProjectStack
 * in its sdk/go/common/workspace.
 */
const secretsLine = /^(encryptionsalt|encryptedkey|secretsprovider):.*\n?/gm;

const secretsOf = (text: string): Map<string, string> =>
  new Map([...text.matchAll(secretsLine)].map(([line, key = ""]) => [key, line.trimEnd()]));

/** Absolute path of a stack's own copy of its spec. */
export const ownFile = (state: string, stack: string): string =>
  join(stackFolder(state, stack), `Pulumi.${stack}.yaml`);

/**
 * Gives a stack its own copy of the spec, in its folder, which is there: Pulumi writes into a stack's file how its secrets
 * are kept, and a checkout with that in stacks/ would never be clean again. So the copy has these lines, unless the spec
 * has them itself, and Pulumi is given it in the place of the spec.
 *
 * @param spec absolute path of the spec. If it is gone, the copy stays as it is: enough for `destroy`.
 * @returns absolute path of the copy. Beside it is a project, in which pulumi finds it by itself.
 */
export function ownConfiguration(spec: string, state: string, stack: string): string {
  const own = ownFile(state, stack);
  writing(state, () => {
    writeFileSync(join(stackFolder(state, stack), "Pulumi.yaml"), "name: duet\nruntime: nodejs\n");
    if (existsSync(spec)) {
      const wanted = read(spec).trimEnd();
      const lines = new Map([...secretsOf(read(own)), ...secretsOf(wanted)]);
      replace(own, `${[wanted.replaceAll(secretsLine, "").trimEnd(), ...lines.values()].filter(Boolean).join("\n")}\n`);
    }
  });
  return own;
}

/**
 * The same for a stack of the embedded host, which is made if there is none.
 *
 * @param pulumi where `directory` is the stack's folder
 */
export function stackConfiguration(spec: string, state: string, stack: string, pulumi: Pulumi): string {
  const own = ownConfiguration(spec, state, stack);
  if (readCheckpoint(backendOf(state), stack) === undefined) {
    order(pulumi, ["stack", "init", stack, "--no-select"]);
  }
  return own;
}

/** Whether the last run of a stack has heeded the same spec. */
export function isConfigured(spec: string, state: string, stack: string): boolean {
  const heeded = (file: string): string => read(file).replaceAll(secretsLine, "").trimEnd();
  return heeded(ownFile(state, stack)) !== "" && heeded(ownFile(state, stack)) === heeded(spec);
}

/** Whether the secrets of a stack are kept with a passphrase. */
export function hasPassphrase(state: string, stack: string): boolean {
  return secretsOf(read(ownFile(state, stack))).has("encryptionsalt");
}

/** Forgets the copy of a stack that is no more, and its folder if that holds nothing else. */
export function forgetConfiguration(state: string, stack: string): void {
  const folder = stackFolder(state, stack);
  for (const file of [ownFile(state, stack), join(folder, "Pulumi.yaml")]) {
    rmSync(file, { force: true });
  }
  if (existsSync(folder) && readdirSync(folder).length === 0) {
    rmSync(folder, { recursive: true });
  }
}
