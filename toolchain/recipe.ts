import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { baseDirectory } from "../sandbox/paths.ts";

/** The oldest Pulumi CLI that will do, the one that is downloaded, and the one that is built. */
export const pulumiVersion = "3.250.0";
/** The oldest Go that builds what is built (the `go` line of the go.mod files). */
export const goVersion = "1.26";

/** Something that is built from Go modules. */
export interface Artefact {
  /** What the person who waits is told is being built. */
  readonly name: string;
  /** Folder of toolchain/ with the go.mod that pins it. */
  readonly module: string;
  /** Go package of the main program. */
  readonly source: string;
  /** Where it goes, relative to the toolchain's directory. */
  readonly target: string;
  /** A Go variable that is set to a text at link time, as `path.Name=text`. */
  readonly variable?: string;
}

/** The name that OpenTofu's registry has for a machine such as this one, for example "linux_amd64". */
function platform(): string {
  return `linux_${process.arch === "x64" ? "amd64" : process.arch}`;
}

/** All that is built if nothing can be downloaded, the Pulumi CLI and its language host first. */
export const artefacts: readonly Artefact[] = [
  {
    name: `Pulumi CLI ${pulumiVersion}`,
    module: "pulumi",
    source: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    target: "bin/pulumi",
    variable: `github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${pulumiVersion}`,
  },
  {
    name: "Node language host",
    module: "pulumi",
    source: "./language-nodejs",
    target: "bin/pulumi-language-nodejs",
  },
  {
    name: "command plugin 1.2.1",
    module: "pulumi",
    source: "./resource-command",
    target: "home/plugins/resource-command-v1.2.1/pulumi-resource-command",
  },
  {
    name: "Terraform bridge 1.0.0",
    module: "bridge",
    source: "github.com/pulumi/pulumi-terraform-bridge/v3/dynamic",
    target: "home/plugins/resource-terraform-provider-v1.0.0/pulumi-resource-terraform-provider",
    variable: "github.com/pulumi/pulumi-terraform-bridge/v3/dynamic/version.version=v1.0.0",
  },
  {
    name: "libvirt provider 0.8.3",
    module: "libvirt",
    source: "github.com/dmacvicar/terraform-provider-libvirt",
    target: `home/dynamic_tf_plugins/registry.opentofu.org/dmacvicar/libvirt/0.8.3/${platform()}/terraform-provider-libvirt`,
  },
];

/** Arguments of `go` that build an artefact into `output`. */
export function goBuild(artefact: Artefact, output: string): string[] {
  const ldflags = ["-s", "-w", ...(artefact.variable ? ["-X", artefact.variable] : [])].join(" ");
  return ["build", "-v", "-trimpath", "-mod=readonly", "-ldflags", ldflags, "-o", output, artefact.source];
}

/** Environment of `go build`: the caches of this project, no C compiler, and nothing of the user's own settings. */
export function goEnvironment(env: NodeJS.ProcessEnv, cache: string): NodeJS.ProcessEnv {
  return {
    ...env,
    GOCACHE: join(cache, "go", "build"),
    GOMODCACHE: join(cache, "go", "mod"),
    CGO_ENABLED: "0",
    GOFLAGS: "-buildvcs=false",
    GOTOOLCHAIN: "local",
    GOWORK: "off",
    GOENV: "off",
    ...(env.GOPROXY ? {} : goProxyOf(env)),
  };
}

// GOENV=off hides the proxy that `go env -w` has set: what its file says of the network is kept.
function goProxyOf(env: NodeJS.ProcessEnv): Record<string, string> {
  const file = env.GOENV ?? join(baseDirectory(env, "XDG_CONFIG_HOME"), "go", "env");
  if (!existsSync(file)) return {};
  const lines = readFileSync(file, "utf8").split("\n");
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [, name, value] = /^(GOPROXY|GOSUMDB|GONOSUMDB|GONOPROXY|GOPRIVATE|GOINSECURE)=(.*)$/.exec(line) ?? [];
      return name !== undefined && value !== undefined && !env[name] ? [[name, value]] : [];
    }),
  );
}

/** The project's cache directory: $XDG_CACHE_HOME/duet, by default ~/.cache/duet. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  return join(baseDirectory(env, "XDG_CACHE_HOME"), "duet");
}

/** A hash of all that decides what is built: modules, sources, how they are built. `root` is the toolchain/ folder. */
export function sourceKey(root: string): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify(artefacts.map((artefact) => [artefact, goBuild(artefact, "")])));
  for (const module of [...new Set(artefacts.map((artefact) => artefact.module))]) {
    for (const file of readdirSync(join(root, module), { recursive: true, encoding: "utf8" }).sort()) {
      const path = join(root, module, file);
      if (statSync(path).isFile()) hash.update(`${module}/${file}\0`).update(readFileSync(path)).update("\0");
    }
  }
  return hash.digest("hex").slice(0, 16);
}

/** Compares dotted version numbers; what follows a `-` or `+` does not count. Negative if `a` is older. */
export function compareVersions(a: string, b: string): number {
  const numbers = (text: string) =>
    text
      .replace(/^(v|go)/, "")
      .split(/[-+ ]/, 1)[0]
      ?.split(".")
      .map((part) => Number.parseInt(part, 10) || 0) ?? [];
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Every executable of a name on PATH, first one first, without those that are (links to) one of `except`. */
export function onPath(name: string, path: string | undefined, except: readonly string[] = []): string[] {
  const skipped = new Set(except.filter((file) => existsSync(file)).map((file) => realpathSync(file)));
  return (path ?? "").split(delimiter).flatMap((directory) => {
    const file = join(directory || ".", name);
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile() && !skipped.has(realpathSync(file)) ? [file] : [];
    } catch {
      return [];
    }
  });
}

/** Where go.dev's guide and Debian's golang-1.26 put Go, neither of them on PATH. */
const goPlaces: readonly string[] = ["/usr/local/go/bin", `/usr/lib/go-${goVersion}/bin`];

/** Go on this machine, on PATH or in `places`: the first that is new enough, else the first. */
export function findGo(env: NodeJS.ProcessEnv, places: readonly string[] = goPlaces): string | undefined {
  const all = onPath("go", [env.PATH, ...places].join(delimiter));
  return all.find((go) => compareVersions(goVersionOf(go) ?? "0", goVersion) >= 0) ?? all[0];
}

/** The version of a Go installation as its VERSION file has it, for example "go1.26.8"; undefined if there is none. */
export function goVersionOf(go: string): string | undefined {
  const file = join(dirname(dirname(realpathSync(go))), "VERSION");
  return existsSync(file) ? readFileSync(file, "utf8").split("\n", 1)[0]?.trim() : undefined;
}

/** What a person without a Go that will do is told: what is needed, what was found, what to do. */
export function goIsMissing(go: string | undefined, version: string | undefined): string {
  const found = go ? `${version ?? "one of unknown version"} was found (${go})` : "none was found";
  return (
    `Pulumi or its plugins have to be built here, which needs Go ${goVersion} or newer, and ${found}: ` +
    `install the package golang-${goVersion} or, if apt has none (Debian 12), ` +
    `unpack go${goVersion} of https://go.dev/dl into /usr/local.`
  );
}
