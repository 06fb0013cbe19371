import type { ImageSource } from "./guest/image.ts";
import type { HostArgs } from "./host/host.ts";
import type { WebConsoleArgs } from "./host/web-console.ts";
import type { Fragment } from "./kernel/config.ts";
import type { Source } from "./sources/source-tree.ts";

/** What a spec does not say of a kernel. */
export interface SiteKernel {
  /** Its name among the stack's kernels; undefined for the only one. */
  readonly name?: string | undefined;
  /** What is laid over the base of its configuration, read from where the spec says. */
  readonly fragments: readonly Fragment[];
  /** Its own sources, with absolute paths. Undefined if they are those of all kernels. */
  readonly source?: Source | undefined;
}

/** What a spec does not say. Entry points find it out, components never do. */
export interface Site {
  /** The host. */
  readonly host: HostArgs;
  /** What the web console needs to know of this machine. */
  readonly console: Omit<WebConsoleArgs, "host">;
  /** The image of the guests' disks. */
  readonly image: ImageSource;
  /** One for each kernel of the spec. */
  readonly kernels: readonly SiteKernel[];
  /** The sources, with absolute paths; those of the kernel are for all that have none of their own. */
  readonly sources: { readonly kernel: Source; readonly module: Source; readonly tools: Source };
  /** Words of the command by which people work with the stack, for the tasks of an editor. Defaults to none. */
  readonly command?: readonly string[] | undefined;
}
