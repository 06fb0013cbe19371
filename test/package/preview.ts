/** Programs under the real engine, as far as a preview goes: it makes nothing. */
import { mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { project } from "../../launcher/project.ts";
import { installToolchain, toolchainEnvironment, usableGo } from "../../toolchain/install.ts";
import { type Artefact, cacheDirectory, goBuild, goEnvironment, onPath } from "../../toolchain/recipe.ts";

/** A resource that a preview would create. */
export interface Planned {
  readonly type: string;
  readonly urn: string;
  readonly inputs: unknown;
}

/** What a preview says: what would be created, or what is wrong. */
export interface Preview {
  readonly planned: readonly Planned[];
  readonly errors: readonly string[];
}

/** What `pulumi preview --json` prints. */
interface Printed {
  readonly steps?: readonly { readonly newState: Planned }[];
  readonly diagnostics?: readonly { readonly severity: string; readonly message: string }[];
}

const yamlHost: Artefact = {
  name: "YAML language host",
  // What the bridge is made of has it: nobody but this test needs it.
  module: "bridge",
  source: "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
  target: "pulumi-language-yaml",
};

/**
 * Makes Pulumi ready in a folder: a home and a backend of its own, and the language host for YAML, which is built if the
 * installed Pulumi has none. Gives what previews the program of a folder.
 */
export async function previewer(folder: string): Promise<(program: string) => Promise<Preview>> {
  const toolchain = await installToolchain(process.env);
  const home = join(folder, "home");
  mkdirSync(join(home, "bin"), { recursive: true });
  for (const name of ["plugins", "dynamic_tf_plugins"]) {
    symlinkSync(join(toolchain.home, name), join(home, name));
  }
  const found = toolchainEnvironment({ ...toolchain, home }, process.env);
  if (onPath(yamlHost.target, `${dirname(toolchain.pulumi)}:${found.PATH}`).length === 0) {
    const { go } = await usableGo(process.env);
    await execa(go, goBuild(yamlHost, join(home, "bin", yamlHost.target)), {
      cwd: join(project, "toolchain", yamlHost.module),
      env: goEnvironment(process.env, cacheDirectory(process.env)),
    });
  }
  const env = {
    ...found,
    PATH: `${found.PATH}:${join(home, "bin")}`,
    PULUMI_BACKEND_URL: `file://${folder}`,
    PULUMI_CONFIG_PASSPHRASE: "preview",
  };
  const pulumi = (program: string, ...words: string[]) =>
    execa(toolchain.pulumi, [...words, "--stack", "dev", "--non-interactive"], { cwd: program, env, reject: false });
  return async (program) => {
    await pulumi(program, "stack", "init");
    const { stdout } = await pulumi(program, "preview", "--json");
    const { steps = [], diagnostics = [] }: Printed = JSON.parse(stdout);
    return {
      planned: steps.map(({ newState }) => newState),
      errors: diagnostics.flatMap(({ severity, message }) => (severity === "error" ? [message] : [])),
    };
  };
}
