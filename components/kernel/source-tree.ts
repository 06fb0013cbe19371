import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { asDeveloper, type Developer, endWithParent } from "../host/developer.ts";
import { type Hold, makeScratch, releaseHold, scriptAsDeveloper, takeHold, takeTurn } from "../host/holds.ts";
import type { Machine } from "../machine/machine.ts";
import { inNamespace, installPackages } from "../machine/packages.ts";
import { fail, result } from "../machine/result.ts";
import { lines, type Shell, sh } from "../machine/shell.ts";
import { treeSinceRecord } from "../machine/since-record.ts";
import { contentByBytes, contentByTime, contentOfGit, contentOfTree } from "./content.ts";

/** Where sources come from. */
export type Source =
  /** A clone. Without a branch, whichever is there; a branch, tag or commit otherwise. */
  | { readonly git: string; readonly branch?: string | undefined }
  /** A Debian source package which holds a tarball below /usr/src: "linux-source-6.1". */
  | { readonly package: string }
  /** The user's own tree, used in place: an absolute path below the sources directory. */
  | { readonly tree: string }
  /** A working copy of a folder, an absolute path: the samples of this project. */
  | { readonly copy: string };

export interface SourceTreeArgs {
  /** The host that has the sources. */
  readonly host: Machine;
  /** Folder below the sources directory: "duet-kernel", "duet-module" or "duet-tools". */
  readonly role: string;
  readonly source: Source;
  /** Absolute path of the sources directory, the same on host and guest. */
  readonly directory: string;
  /** Who owns the sources, and as whom git runs. */
  readonly developer: Developer;
  /** Absolute path of Duet's cache, where an unchanged source package waits between stacks. */
  readonly cache: string;
  /** The stack, as a file name. A tree that another stack uses too is not taken away. */
  readonly owner: string;
  /** Path of the network namespace that reaches the internet. Defaults to that in which Pulumi runs. */
  readonly fetchNamespace?: string | undefined;
}

/** Where the tree of these sources is. */
export function treePath({ source, directory, role }: Pick<SourceTreeArgs, "source" | "directory" | "role">): string {
  return "tree" in source ? source.tree : `${directory}/${role}`;
}

/** The folder of the cache for what belongs to these sources at this place; another place, another folder. */
export function cachePath(args: Pick<SourceTreeArgs, "source" | "directory" | "role" | "cache">): string {
  const key = createHash("sha256")
    .update(JSON.stringify([treePath(args), args.role, args.source]))
    .digest("hex");
  return `${args.cache}/kernel/${key.slice(0, 16)}`;
}

/** Prints what is in the tree now, from within it, as whoever may read it. */
function contentScript({ source, developer }: Pick<SourceTreeArgs, "source" | "developer">): Shell {
  if ("package" in source) {
    return contentByTime;
  }
  const plain = "copy" in source ? contentByBytes : contentOfTree;
  return sh`if [ -e .git ]; then ${scriptAsDeveloper(developer, contentOfGit)}; else ${plain}; fi`;
}

/** Prints the branch of the clone in the current folder, or its commit where it is on none. */
function branchScript(developer: Developer): Shell {
  return sh`{ ${git(developer, "symbolic-ref", "--short", "-q", "HEAD")} || ${git(developer, "rev-parse", "HEAD")}; }`;
}

function git(developer: Developer, ...words: readonly string[]): Shell {
  const settings = ["-c", "safe.directory=*", "-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60"];
  return asDeveloper(
    developer,
    sh`GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND='ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15'`,
    "git",
    ...settings,
    ...words,
  );
}

/** The facts of a tree: what is in it, on which branch it is, and what it was copied from. */
export function sourceFacts(args: SourceTreeArgs): Shell {
  const { source, developer } = args;
  const tree = treePath(args);
  const what = `content of ${tree}`;
  const content = sh`printf '%s: %s\n' ${what} "$(${contentScript(args)})"`;
  return lines(
    sh`if cd ${tree} 2>/dev/null; then`,
    // A kernel's 80,000 files take a third of a second to list.
    "package" in source ? treeSinceRecord(content, [`${what}: `]) : content,
    "git" in source && source.branch !== undefined
      ? sh`printf '%s: %s\n' ${`branch of ${tree}`} "$(${branchScript(developer)})"`
      : sh`:`,
    sh`else printf '%s: %s\n' ${`content of ${tree}`} missing; fi`,
    "copy" in source
      ? sh`( cd ${source.copy} && printf '%s: %s\n' ${`content of ${source.copy}`} "$(${contentByBytes})" )`
      : sh`:`,
  );
}

/** Clones, or brings a clean clone to the branch. A dirty one is never touched. */
function cloneScript(args: SourceTreeArgs, url: string, branch: string | undefined, hold: Hold): Shell {
  const { developer, fetchNamespace } = args;
  const tree = treePath(args);
  const fetch = inNamespace(fetchNamespace);
  const dirty = sh`$(${git(developer, "status", "--porcelain")} | cut -c4- | sed -n 1,5p | paste -sd' ')`;
  const asked = branch === undefined ? [] : ["--branch", branch];
  return lines(
    sh`tree=${tree}`,
    sh`if [ -n "$(ls -A -- "$tree" 2>/dev/null)" ]; then`,
    sh`cd -- "$tree"`,
    sh`[ -e .git ] || ${fail(sh`${`a clone of ${url} was asked for, and ${tree} is there and is none: move it away, or ask for { tree: ${tree} }`}`)}`,
    sh`url=$(${git(developer, "config", "--get", "remote.origin.url")} || true)`,
    sh`[ "$url" = ${url} ] || ${fail(sh`${`a clone of ${url} was asked for, and ${tree} is one of `}"$url"${`: move it away, or ask for its own URL`}`)}`,
    branch === undefined ? sh`:` : switchScript(args, branch, dirty),
    sh`else`,
    makeScratch(hold, developer),
    sh`${fetch}${git(developer, "clone", ...asked, "--", url)} "$scratch/tree" </dev/null >&2 || ${fail(sh`${`a clone of ${url}${branch === undefined ? "" : ` at ${branch}`} was asked for, and git could not make it, see its lines above: mend the URL, the branch or the developer's access to it`}`)}`,
    sh`rmdir -- "$tree" 2>/dev/null || true; mv -T -- "$scratch/tree" "$tree"; rm -rf -- "$scratch"`,
    sh`fi`,
    sh`cd -- "$tree"; printf 'commit: %s\n' "$(${git(developer, "rev-parse", "HEAD")} | cut -c1-12)"`,
  );
}

function switchScript({ developer, fetchNamespace, ...args }: SourceTreeArgs, branch: string, dirty: Shell): Shell {
  const tree = treePath(args);
  const fetch = git(developer, "fetch", "--tags", "origin");
  const here = sh`{ [ "$now" = ${branch} ] || { [ "$(${git(developer, "rev-parse", "-q", "--verify", `${branch}^{commit}`)})" = "$now" ] && [ -z "$(${git(developer, "symbolic-ref", "-q", "HEAD")})" ]; }; }`;
  return lines(
    sh`now=$(${branchScript(developer)})`,
    sh`if ! ${here}; then`,
    sh`dirty=${dirty}`,
    sh`[ -z "$dirty" ] || ${fail(sh`${`branch ${branch} was asked for, and ${tree} is on `}"$now"' with changes of your own in '"$dirty"${`: commit or stash them, or ask for the branch that it is on`}`)}`,
    sh`${git(developer, "rev-parse", "-q", "--verify", `${branch}^{commit}`)} >/dev/null || ${inNamespace(fetchNamespace)}${fetch} </dev/null >&2 || true`,
    sh`${git(developer, "checkout", "-q", branch, "--")} </dev/null >&2 || ${fail(sh`${`branch ${branch} was asked for, and ${tree} does not have it, nor does its origin: ask for one that is there`}`)}`,
    sh`fi`,
  );
}

/** Refuses a folder that is there and that Duet did not make. */
function refuseForeign(tree: string, asked: string): Shell {
  return sh`if [ -n "$(ls -A -- ${tree} 2>/dev/null)" ] && [ ! -e ${`${tree}/.duet-source`} ]; then ${fail(sh`${`${asked} was asked for, and ${tree} is there and was not made from it: move it away, or ask for { tree: ${tree} }`}`)}; fi`;
}

/** Sets `$origin`, `$commit` and `$pristine` from the note in the tree: what it was made from, and as what. */
function readNote(tree: string): Shell {
  return sh`{ read -r origin; read -r commit; read -r pristine; } <${`${tree}/.duet-source`} || true`;
}

/** Moves what was made in the scratch folder to its place, with a note of what it is. */
function settle(tree: string, origin: Shell, commit: Shell, content: Shell): Shell {
  return lines(
    sh`pristine=$(cd -- "$scratch/tree"; ${content})`,
    sh`printf '%s\n' ${origin} ${commit} "$pristine" >"$scratch/tree/.duet-source"`,
    sh`rmdir -- ${tree} 2>/dev/null || true; mv -T -- "$scratch/tree" ${tree}; rm -rf -- "$scratch"`,
  );
}

/** Unpacks a source package, or takes it back from the cache with the times that its build knows. */
function unpackScript(args: SourceTreeArgs, name: string, hold: Hold): Shell {
  const { developer, cache, fetchNamespace } = args;
  const tree = treePath(args);
  const cached = `${cachePath({ ...args, cache })}/source`;
  const tarball = `/usr/src/${name}.tar.xz`;
  return lines(
    installPackages([name], fetchNamespace),
    refuseForeign(tree, `package ${name}`),
    sh`if [ -e ${`${tree}/.duet-source`} ]; then`,
    readNote(tree),
    sh`if [ "$origin" != ${name} ]; then`,
    sh`[ "$(cd ${tree}; ${contentByTime})" = "$pristine" ] || ${fail(sh`${`package ${name} was asked for, and ${tree} holds `}"$origin"' with changes of your own: move it away'`)}`,
    sh`rm -rf -- ${tree}; fi; fi`,
    sh`if [ ! -e ${`${tree}/.duet-source`} ] && [ -e ${`${cached}/.duet-source`} ]; then`,
    sh`rmdir -- ${tree} 2>/dev/null || true; mv -T -- ${cached} ${tree}; fi`,
    sh`if [ ! -e ${`${tree}/.duet-source`} ]; then`,
    sh`[ -r ${tarball} ] || ${fail(sh`${`package ${name} was asked for, and it holds no ${tarball}: ask for a linux-source package`}`)}`,
    makeScratch(hold, developer),
    // The files get the present time: they are newer than any object that was built from another version.
    sh`${asDeveloper(developer, "mkdir")} "$scratch/tree"`,
    sh`${asDeveloper(developer, "tar", "-xJmf", tarball, "--no-same-owner", "--strip-components=1", "-C")} "$scratch/tree"`,
    settle(
      tree,
      sh`${name}`,
      sh`"$(dpkg-query -W ${"-f=${Package}-${Version}"} ${name} | sha256sum | cut -c1-12)"`,
      contentByTime,
    ),
    sh`fi`,
    readNote(tree),
    sh`printf 'commit: %s\n' "$commit"`,
  );
}

/** Seeds a working copy; one that nobody has edited follows its seed. */
function copyScript(args: SourceTreeArgs, seed: string, hold: Hold): Shell {
  const { developer } = args;
  const tree = treePath(args);
  return lines(
    sh`[ -d ${seed} ] || ${fail(sh`${`a copy of ${seed} was asked for, and there is no such folder`}`)}`,
    refuseForeign(tree, `a copy of ${seed}`),
    sh`seed=$(cd ${seed}; ${contentByBytes})`,
    sh`if [ -e ${`${tree}/.duet-source`} ]; then`,
    readNote(tree),
    sh`if [ "$commit" != "$seed" ] && [ "$(cd ${tree}; ${contentByBytes})" = "$pristine" ]; then rm -rf -- ${tree}; fi`,
    sh`fi`,
    sh`if [ ! -e ${`${tree}/.duet-source`} ]; then`,
    makeScratch(hold, developer),
    sh`${asDeveloper(developer, "mkdir")} "$scratch/tree"`,
    // Root reads the seed, which may be in a home that the developer cannot enter, and the developer writes.
    sh`tar -cf - -C ${seed} . | ${asDeveloper(developer, "tar", "-xmf", "-", "--no-same-owner", "-C")} "$scratch/tree"`,
    settle(tree, sh`${seed}`, sh`"$seed"`, contentByBytes),
    sh`fi`,
    readNote(tree),
    sh`printf 'commit: %s\n' "$(printf %s "$commit" | cut -c1-12)"`,
  );
}

/** Takes a user's tree as it is. Where there is no git, its name comes from its Makefile, so that it outlives edits. */
function treeScript(args: SourceTreeArgs, tree: string): Shell {
  const { directory, developer } = args;
  return lines(
    sh`case $(realpath -m -- ${tree})/ in "$(realpath -m -- ${directory})"/?*) ;; *) ${fail(sh`${`the tree ${tree} was asked for, and it is not below ${directory}, which is what guests see: move it there`}`)};; esac`,
    sh`cd ${tree} 2>/dev/null || ${fail(sh`${`the tree ${tree} was asked for, and there is no such folder: make it, or ask for { git: … }`}`)}`,
    sh`if [ -e .git ]; then commit=$(${git(developer, "rev-parse", "HEAD")} | cut -c1-12)`,
    sh`else commit=$({ printf '%s\n' ${tree}; cat Makefile 2>/dev/null || true; } | sha256sum | cut -c1-12); fi`,
    sh`printf 'commit: %s\n' "$commit"`,
  );
}

/** Bash that brings the sources to their place and prints `commit: …` and `hash: …`. */
export function sourceScript(args: SourceTreeArgs): Shell {
  const { source, developer } = args;
  const hold = holdOf(args);
  const kind =
    "git" in source
      ? cloneScript(args, source.git, source.branch, hold)
      : "package" in source
        ? unpackScript(args, source.package, hold)
        : "copy" in source
          ? copyScript(args, source.copy, hold)
          : treeScript(args, source.tree);
  return lines(
    takeTurn(hold, developer),
    kind,
    sh`cd ${treePath(args)}; printf 'hash: %s\n' "$(${contentScript(args)})"`,
    takeHold(hold),
  );
}

/**
 * Bash that takes away what Duet made and nobody has changed: a copy is removed, a source package is moved to the
 * cache, with its times, for the next stack. Everything else is the user's and stays.
 */
export function sourceDelete(args: SourceTreeArgs): Shell {
  const { source } = args;
  const tree = treePath(args);
  const cached = cachePath(args);
  const pristine = (content: Shell, take: Shell) =>
    lines(
      sh`if [ -e ${`${tree}/.duet-source`} ]; then`,
      readNote(tree),
      sh`if [ "$(cd ${tree}; ${content})" = "$pristine" ]; then ${take}; fi`,
      sh`fi`,
    );
  const last =
    "package" in source
      ? pristine(
          contentByTime,
          sh`rm -rf -- ${`${cached}/source`}; mkdir -p -- ${cached}; mv -T -- ${tree} ${`${cached}/source`}`,
        )
      : "copy" in source
        ? pristine(contentByBytes, sh`rm -rf -- ${tree}`)
        : sh`:`;
  return releaseHold(holdOf(args), last);
}

function holdOf({ directory, role, owner }: SourceTreeArgs): Hold {
  return { directory, what: role, owner };
}

/**
 * Sources on the host, owned by the developer, at the path that guests see too.
 *
 * Source: guide, step 3. What is there already is the user's: it is never reset, cleaned, or switched while it has
 * changes. An edit is drift of this step alone; it hands on a new `hash`, which makes what is built from it run.
 *
 * @throws where the tree has changes and another branch is asked for, or is a clone of something else.
 */
export class SourceTree extends pulumi.ComponentResource {
  /** Absolute path of the tree. Known before anything runs. */
  readonly directory: string;
  /** Twelve hexadecimal digits that name the sources: git's commit, or for others what they were made from. */
  readonly commit: pulumi.Output<string>;
  /** Changes with every edit. */
  readonly hash: pulumi.Output<string>;
  /** The folder of the cache that belongs to these sources at this place. */
  readonly cache: string;

  constructor(name: string, args: SourceTreeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("duet:kernel:SourceTree", name, {}, opts);
    this.directory = treePath(args);
    this.cache = cachePath(args);
    const step = args.host.step(
      name,
      {
        title: `bring the sources to ${this.directory}`,
        create: endWithParent(sourceScript(args)),
        facts: sourceFacts(args),
        delete: sourceDelete(args),
      },
      { parent: this },
    );
    const handed = step.stdout.apply((stdout) => result(stdout, ["commit", "hash"]));
    this.commit = handed.commit;
    this.hash = handed.hash;
    this.registerOutputs({ directory: this.directory, commit: this.commit, hash: this.hash });
  }
}
