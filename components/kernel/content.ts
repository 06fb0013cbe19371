import { type Shell, sh } from "../machine/shell.ts";

/** What a build, an editor or Duet itself leaves in a tree, and nobody wrote. Names as find(1) takes them. */
const products = [
  ...["*.o", "*.ko", "*.a", "*.so", "*.so.*", "*.cmd", "*.mod", "*.mod.c", "*.dwo", "*.pyc", ".*.d", ".tmp_*"],
  ...["Module.symvers", "modules.order", "modules.livepatch", "__pycache__", ".cache.mk", "compile_commands.json"],
  ...["tags", "TAGS", "cscope.*", ".*.sw?", "*~", ".nfs*", ".duet-source"],
];

const pruned = sh`\( -name .git ${products.map((name) => sh`-o -name ${name}`)}`;

/** Bash that prints one line for the whole of its input. */
const digest = sh`sha256sum | cut -c1-16`;

/** The same as a regular expression for the lines of a list, where a tab ends the path: a product, or below one. */
const productLine = `(^|/)(${[".git", ...products]
  .map((name) => name.replaceAll(".", "\\.").replaceAll("*", "[^/]*").replaceAll("?", "[^/]"))
  .join("|")})(/|\t)`;

/**
 * Prints what the files of the current folder hold, build products left aside: names, sizes and times. A file that was
 * touched counts as changed, as it does for make. Cheap enough for the 80,000 files of a kernel: grep leaves products
 * aside in a tenth of the time that find(1) takes for as many patterns.
 */
export const contentByTime: Shell = sh`LC_ALL=C find . -type f,l -printf '%P\t%s %T@ %l\n' | { LC_ALL=C grep -avE -e ${productLine} || true; } | LC_ALL=C sort | ${digest}`;

/** The same by what is in the files, whatever their times: for folders of a few hundred files. */
export const contentByBytes: Shell = withIgnored(
  sh`-type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum | ${digest}`,
);

/** The same by time, and with the patterns of the folder's own .gitignore left aside too. */
export const contentOfTree: Shell = withIgnored(
  sh`\( -type f -o -type l \) -printf '%P %s %T@ %l\n' | LC_ALL=C sort | ${digest}`,
);

/** Drops the header of a file that was touched and has no change, which git prints when it may not write its index. */
const changedOnly = sh`awk ${'/^diff --git / { header = $0; next } header { print header; header = "" } { print }'}`;

/** The same for a git work tree: HEAD, what differs from it, and what git neither has nor ignores. */
export const contentOfGit: Shell = sh`{
  GIT_OPTIONAL_LOCKS=0 git -c safe.directory='*' rev-parse HEAD
  GIT_OPTIONAL_LOCKS=0 git -c safe.directory='*' -c diff.autoRefreshIndex=false diff --no-color --no-ext-diff --no-textconv --binary HEAD | ${changedOnly}
  git -c safe.directory='*' ls-files --others --exclude-standard ${products.map((name) => sh`-x ${name}`)} -z | LC_ALL=C sort -z | xargs -0r sha256sum
} | ${digest}`;

/**
 * A find over the current folder which leaves aside what its .gitignore names. Of gitignore(5) it knows names, paths
 * from the root and folders, which is what such files hold; a `!` is not honoured, so such a file is left aside too.
 */
function withIgnored(rest: Shell): Shell {
  const find = sh`find . ${pruned} "$@" \) -prune -o ${rest}`;
  const toFind = [
    ...["-e", "s/[[:space:]]*$//", "-e", "/^$/d", "-e", "/^[#!]/d", "-e", "s,/$,,", "-e", "s,^/,./,"],
    ...["-e", "/^\\.\\//!{/\\//s,^,./,}", "-e", "/^\\.\\//{s/^/-o\\n-path\\n/;b}", "-e", "s/^/-o\\n-name\\n/"],
  ];
  return sh`{ sed ${toFind} .gitignore 2>/dev/null || true; } | xargs -d '\n' sh -c ${find.shell} sh`;
}
