import { execFileSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { installToolchain, toolchainEnvironment, usableGo } from "../install.ts";
import { cacheDirectory, goEnvironment } from "../recipe.ts";

/** Resources of the libvirt provider that this project has no use for. */
const left = /combustion|ignition/i;
const root = join(import.meta.dirname, "..", "..");

/**
 * Writes sdks/libvirt, the npm package @pulumi/libvirt of dmacvicar/libvirt 0.8.3, as compiled CommonJS with types.
 *
 * `node toolchain/gensdk/generate.ts`. Needs Go, and the toolchain, which it installs.
 */
async function generate(): Promise<void> {
  const toolchain = await installToolchain(process.env);
  const { go } = await usableGo(process.env);
  const work = mkdtempSync(join(tmpdir(), "duet-gensdk-"));
  try {
    // Whether `uri` is required depends on this variable.
    const { LIBVIRT_DEFAULT_URI: _, ...env } = toolchainEnvironment(toolchain, process.env);
    const schema = JSON.parse(
      execFileSync(toolchain.pulumi, ["package", "get-schema", "terraform-provider", "dmacvicar/libvirt", "0.8.3"], {
        env,
        encoding: "utf8",
        maxBuffer: 1 << 26,
      }),
    );
    for (const token of Object.keys(schema.resources).filter((name) => left.test(name))) {
      delete schema.resources[token];
    }
    schema.language.nodejs.packageName = "@pulumi/libvirt";
    writeFileSync(join(work, "schema.json"), JSON.stringify(schema));

    const sources = join(work, "sources");
    execFileSync(
      go,
      ["run", "-trimpath", "-mod=readonly", join(root, "toolchain/gensdk/main.go"), join(work, "schema.json"), sources],
      {
        cwd: join(root, "toolchain", "pulumi"),
        env: goEnvironment(process.env, cacheDirectory(process.env)),
        stdio: "inherit",
      },
    );
    symlinkSync(join(root, "node_modules"), join(sources, "node_modules"));
    const manifest = JSON.parse(readFileSync(join(sources, "package.json"), "utf8"));
    const { scripts: _scripts, dependencies, ...rest } = manifest;
    // A peer: the package of this project has the generated one in it, and is to have no SDK beside its program's.
    const peerDependencies = { "@pulumi/pulumi": dependencies["@pulumi/pulumi"] };
    const compiled = { ...rest, main: "index.js", peerDependencies };
    writeFileSync(join(sources, "package.json"), `${JSON.stringify(compiled, null, 2)}\n`);
    const options = ["--outDir", ".", "--sourceMap", "false", "--declarationMap", "false"];
    execFileSync(join(root, "node_modules", ".bin", "tsc"), options, { cwd: sources, stdio: "inherit" });

    const target = join(root, "sdks", "libvirt");
    rmSync(target, { recursive: true, force: true });
    for (const file of globSync(["package.json", "*.js", "*.d.ts", "{config,types}/*.{js,d.ts}"], { cwd: sources })) {
      mkdirSync(dirname(join(target, file)), { recursive: true });
      cpSync(join(sources, file), join(target, file));
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

await generate();
