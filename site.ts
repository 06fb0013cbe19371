import { readFileSync } from "node:fs";
import { totalmem, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { loginHere } from "./components/host/forward.ts";
import type { Fragment, ImageSource, KernelSpec, Site, SiteKernel, Source, Spec } from "./components/index.ts";
import { perfSource, SpecError, shippedFragments } from "./components/index.ts";
import { placeOf } from "./components/spec-cross.ts";
import { folders, leasesOf, stackFolder } from "./launcher/environment.ts";
import { identityWith, idVariable } from "./launcher/identity.ts";
import { rootAccess } from "./launcher/root.ts";
import { hostAccelerator } from "./sandbox/accelerator.ts";
import { buildCommand, guestImagePath } from "./sandbox/image/build.ts";
import { debianWith } from "./sandbox/image/recipe.ts";
import { sandboxPathsFrom } from "./sandbox/paths.ts";

/** The first UID that Debian gives to a person: who root works for, if nobody is named. */
const firstUser = 1000;

/** What may be a fragment of the kernel's own. Whether it is cannot be said before the sources are there. */
const kernelsOwn = /^[\w.-]+\.config$/;

/** A kernel with what is read for it. */
function kernelOf(kernel: KernelSpec, project: string): SiteKernel {
  const { name, fragments: names, config, source } = kernel;
  const fragments = names.map((name): Fragment => {
    const text = textOf(resolve(project, name));
    return text === undefined ? { name } : { name, text };
  });
  const own = config.length > 0 ? [{ name: `${placeOf(kernel)}.config`, text: config.join("\n") }] : [];
  return { name, fragments: [...fragments, ...own], source: source && sourceOf(source, project) };
}

/** Fragments that are nowhere, a line each. */
function absentFragments({ fragments, ...kernel }: SiteKernel, project: string): readonly string[] {
  const isElsewhere = (name: string) => shippedFragments.includes(name) || kernelsOwn.test(name);
  return fragments
    .filter(({ name, text }) => text === undefined && !isElsewhere(name))
    .map(
      ({ name }) =>
        `${placeOf(kernel)}.fragments: asked for ${name}, and there is no such file, or none to be read, below ${project}; ` +
        `correct it, or take ${shippedFragments.join(" or ")}, or one of the kernel's own, such as kvm_guest.config`,
    );
}

function kernelsOf(spec: Spec, project: string): Site["kernels"] {
  const kernels = spec.kernels.map((kernel) => kernelOf(kernel, project));
  const absent = kernels.flatMap((kernel) => absentFragments(kernel, project));
  if (absent.length > 0) {
    throw new SpecError(absent);
  }
  return kernels;
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** A guest that finds no memory fails late, and in the words of QEMU; of a host elsewhere nothing is known here. */
function checkMemory({ host, vms }: Spec): void {
  const asked = vms.reduce((sum, { memory }) => sum + memory, 0);
  const there = Math.floor(totalmem() / 2 ** 20);
  if ((host.sandbox || host.uri.startsWith("qemu:///")) && asked > there) {
    throw new SpecError([`duet:vms: asked for ${asked} MiB of memory in all, and this host has ${there}; take less`]);
  }
}

/** Whoever is not root works as nobody else. */
function checkDeveloper({ developer: { uid } }: Spec): void {
  const own = process.getuid?.() ?? 0;
  if (own !== 0 && uid !== undefined && uid !== own) {
    throw new SpecError([
      `duet:developer.uid: asked for ${uid}, and you are ${own}; leave it out, or run this as root`,
    ]);
  }
}

function sourceOf(source: Spec["sources"]["kernel"], project: string): Source {
  return "copy" in source ? { copy: resolve(project, source.copy) } : source;
}

function imageOf(spec: Spec, cache: string, cacheHome: string): ImageSource {
  const { image, kernels, tools } = spec;
  if ("build" in image) {
    // Such guests have no network to install them from.
    const packages = [
      ...tools.packages,
      ...(kernels.some(({ toolchain }) => perfSource(tools.perf, toolchain) === "package") ? ["linux-perf"] : []),
    ];
    return {
      path: guestImagePath(cacheHome, debianWith(packages)),
      // Whoever builds it may have another cache.
      build: ["env", `XDG_CACHE_HOME=${cacheHome}`, ...buildCommand, ...packages],
    };
  }
  return "url" in image ? { ...image, path: join(cache, "image", `${image.sha256}.qcow2`) } : image;
}

/**
 * Finds out what a spec does not say. Reads the environment and the machine; changes nothing.
 *
 * @param project absolute path of the folder below which the spec's relative paths are
 */
export function findSite(spec: Spec, stack: string, project: string, environment: NodeJS.ProcessEnv): Site {
  const { cache, state, shared } = folders(environment);
  const { sandbox } = spec.host;
  checkMemory(spec);
  checkDeveloper(spec);
  const paths = sandboxPathsFrom(environment);
  const id = (name: "SUDO_UID" | "SUDO_GID", own: number | undefined): number =>
    Number(environment[name] ?? 0) || own || firstUser;
  const identity = sandbox ? undefined : identityWith(stack, environment[idVariable]);
  const root = identity && rootAccess(shared, identity);
  const consoleLogs = root === undefined ? paths.guestLogs : join(root.folder, "consoles");
  return {
    host: {
      stack,
      owner: identity?.owner,
      root,
      uri: sandbox ? paths.uri : spec.host.uri,
      enter: sandbox ? ["ip", "netns", "exec", paths.namespace] : [],
      fetchNamespace: sandbox ? `/run/netns/${paths.outerNamespace}` : undefined,
      accelerator: spec.host.accelerator === "auto" ? hostAccelerator() : spec.host.accelerator,
      cache,
      leases: leasesOf(sandbox ? state : shared),
      stateFolder: stackFolder(state, stack),
      consoleLogs,
      stubs: join(shared, "stubs", identity?.id ?? stack),
      consoleLogsHere: sandbox ? paths.guestLogDirectory : consoleLogs,
      developer: {
        uid: spec.developer.uid ?? id("SUDO_UID", process.getuid?.()),
        gid: spec.developer.gid ?? id("SUDO_GID", process.getgid?.()),
      },
      home: userInfo().homedir,
    },
    console: {
      sandboxRun: sandbox ? paths.run : undefined,
      login: loginHere(environment),
    },
    image: imageOf(spec, cache, join(cache, "..")),
    kernels: kernelsOf(spec, project),
    sources: {
      kernel: sourceOf(spec.sources.kernel, project),
      module: sourceOf(spec.sources.module, project),
      tools: sourceOf(spec.sources.tools, project),
    },
  };
}
