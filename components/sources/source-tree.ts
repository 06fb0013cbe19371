import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../host/host.ts";
import { script, type Values } from "../machine/script.ts";

/** Where sources come from. */
export type Source =
  /**
   * A clone. Without a branch, whichever is there; a branch, tag or commit otherwise. With submodules, at the commits
   * that it names; defaults to without.
   */
  | { readonly git: string; readonly branch?: string | undefined; readonly submodules?: boolean | undefined }
  /** A Debian source package which holds a tarball below /usr/src: "linux-source-6.1". */
  | { readonly package: string }
  /** The user's own tree, used in place: an absolute path below the sources directory. */
  | { readonly tree: string }
  /** A working copy of a folder, an absolute path: the samples of this project. */
  | { readonly copy: string };

/** Which sources are to be there. */
export interface SourceTreeArgs {
  /** The host that has the sources. They belong to its developer, as whom git runs. */
  readonly host: Host;
  /** Folder below the sources directory: "duet-kernel", "duet-module" or "duet-tools". */
  readonly role: string;
  /** Where they come from. */
  readonly source: Source;
  /** Absolute path of the sources directory, the same on host and guest. */
  readonly directory: string;
}

/** The file of the step that brings such sources, and what only that one is given. */
function stepOf(source: Source, cache: string, fetchNamespace: string | undefined): readonly [string, Values] {
  if ("git" in source) {
    const { git: url, branch, submodules } = source;
    return ["clone.sh", { url, branch, submodules: submodules ? "yes" : "", fetch_namespace: fetchNamespace }];
  }
  if ("package" in source) {
    return ["unpack.sh", { package: source.package, cache }];
  }
  return "copy" in source ? ["copy.sh", { seed: source.copy }] : ["tree.sh", {}];
}

/**
 * Sources on the host, owned by the developer, at the path that guests see too.
 *
 * Source: guide, step 3. What is there already is the user's: it is never reset, cleaned, or switched while it has
 * changes. An edit is drift of this step alone; it hands on a new `hash`, which makes what is built from it run.
 * Errors: a tree that has changes, or is a clone of something else; git's own.
 */
export class SourceTree extends pulumi.ComponentResource {
  /** Absolute path of the tree. Known before anything runs. */
  readonly tree: string;
  /** Twelve hexadecimal digits that name the sources: git's commit, or for others what they were made from. */
  readonly commit: pulumi.Output<string>;
  /** Changes with every edit. */
  readonly hash: pulumi.Output<string>;
  /** What duet/make.sh is to know of it. */
  readonly toMake: {
    readonly tree: string;
    readonly sources: pulumi.Output<string>;
    /** Absolute path of the note of what make has left in the tree. The developer writes it. */
    readonly made_note: string;
  };
  /** Absolute path of the folder of the cache for what belongs to these sources at this place. */
  readonly cache: string;

  constructor(name: string, args: SourceTreeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:sources:SourceTree", name, {}, { ...opts, aliases: [{ type: "duet:kernel:SourceTree" }] });
    const { host, role, source, directory } = args;
    this.tree = "tree" in source ? source.tree : `${directory}/${role}`;
    // Other stacks may have other trees for the same role.
    const treeKey = createHash("sha256").update(this.tree).digest("hex").slice(0, 8);
    const madeNote = `${directory}/.duet/holds/${role}/.made-${treeKey}`;
    const key = createHash("sha256")
      .update(JSON.stringify([this.tree, role, source]))
      .digest("hex");
    this.cache = `${host.cache}/kernel/${key.slice(0, 16)}`;
    const [file, values] = stepOf(source, this.cache, host.fetchNamespace);
    const step = host.step(
      name,
      {
        title: `bring the sources to ${this.tree}`,
        script: script(import.meta.url, file, {
          ...values,
          tree: this.tree,
          made_note: madeNote,
          directory,
          what: role,
          stack: host.stack,
          ...host.developer,
        }),
      },
      // Pulumi hands what a component depends on to none of its children.
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    this.commit = step.result("commit");
    this.hash = step.result("hash");
    this.toMake = { tree: this.tree, sources: this.hash, made_note: madeNote };
    this.registerOutputs({ tree: this.tree, commit: this.commit, hash: this.hash });
  }
}
