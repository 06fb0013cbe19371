import * as libvirt from "@pulumi/libvirt";
import type * as pulumi from "@pulumi/pulumi";
import type { Site } from "../site.ts";
import { SourcesDirectory } from "../sources/directory.ts";
import type { Spec } from "../spec.ts";
import { Host } from "./host.ts";
import { type NfsServer, nfsServer } from "./nfs-export.ts";
import { HostPackages } from "./packages.ts";
import { packagesFor } from "./packages-for.ts";
import { StackName } from "./stack-name.ts";
import { WebConsole, type WebConsoleAccess } from "./web-console.ts";

/** A host that is ready for a stack. */
export interface PreparedHost {
  /** The host. */
  readonly host: Host;
  /** The server of the sources that it gets. */
  readonly server: NfsServer;
  /** Its packages, for `dependsOn`. */
  readonly packages: HostPackages;
  /** The directory of the sources, for `dependsOn`: one that is a person's has to be made. */
  readonly place: readonly SourcesDirectory[];
  /** Undefined if the spec asks for none. */
  readonly webConsole: WebConsoleAccess | undefined;
  /** Options of what libvirt has, once libvirt is there. */
  readonly libvirtParent: pulumi.ComponentResourceOptions;
}

/**
 * Has a host ready: the stack's name is its own there, and packages, libvirt and the web console are there.
 *
 * Source: guide, steps 1 and 2.
 *
 * @param provider name of libvirt's provider
 * @param asked the spec and its site
 * @param parent options of each part. Defaults to none.
 */
export function prepareHost(
  provider: string,
  { spec, site }: { readonly spec: Spec; readonly site: Site },
  parent: { readonly parent?: pulumi.Resource } = {},
): PreparedHost {
  const host = new Host("host", site.host, parent);
  const server = nfsServer(spec.host.nfsServer, spec.host.sandbox);
  const claim = host.isShared ? [new StackName("stack-name", { host }, parent)] : [];
  const sources = [...Object.values(site.sources), ...site.kernels.flatMap(({ source }) => source ?? [])];
  const deciding = { server, sources, isShared: host.isOfPerson };
  const packages = new HostPackages(
    "host-packages",
    // Nobody but root reaches the embedded host.
    { host, packages: packagesFor(spec, deciding), ...(spec.host.sandbox ? { groups: [] } : {}) },
    { ...parent, dependsOn: claim },
  );
  const { directory } = spec.sources;
  const place = host.isOfPerson ? [new SourcesDirectory("sources-directory", { host, directory }, parent)] : [];
  const hasConsole = spec.host.console ?? spec.host.sandbox;
  const webConsole = hasConsole
    ? new WebConsole("web-console", { host, ...site.console }, { ...parent, dependsOn: packages }).access
    : undefined;
  // Not for all: whatever has a provider waits until that has been started.
  const libvirtParent = { ...parent, providers: [new libvirt.Provider(provider, { uri: packages.uri }, parent)] };
  return { host, server, packages, place, webConsole, libvirtParent };
}
