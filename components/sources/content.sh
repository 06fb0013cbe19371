# What the files of the current folder hold, as one line. Needs machine/step.sh.

# What a build, an editor or Duet itself leaves in a tree, and nobody wrote. Names as find(1) takes them.
products=(.git '*.o' '*.ko' '*.a' '*.so' '*.so.*' '*.cmd' '*.mod' '*.mod.c' '*.dwo' '*.pyc' '.*.d' '.tmp_*')
products+=(Module.symvers modules.order modules.livepatch __pycache__ .cache.mk compile_commands.json)
products+=(tags TAGS 'cscope.*' '.*.sw?' '*~' '.nfs*' .duet-source)

# Files that make has left in the tree, beside those. Paths from the tree, as patterns.
made_files=()

digest() { sha256sum | cut -c1-16; }

# By names, sizes and times, products left aside: a file that was touched counts as changed, as it does for make. Cheap
# enough for the 80,000 files of a kernel: grep leaves products aside in a tenth of the time that find takes.
content_by_time() {
  local product='' name
  for name in "${products[@]}"; do
    name=${name//./\\.}
    name=${name//\*/[^/]*}
    product+=${product:+|}${name//\?/[^/]}
  done
  # A tab ends the path.
  LC_ALL=C find . -type f,l -printf '%P\t%s %T@ %l\n' |
    { LC_ALL=C grep -avE -e "(^|/)($product)(/|"$'\t)' || true; } | LC_ALL=C sort | digest
}

# By what is in the files, whatever their times: for folders of a few hundred files.
content_by_bytes() { find_others -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum | digest; }

# By names, sizes and times, with what the folder's own .gitignore names left aside too.
content_of_tree() { find_others '(' -type f -o -type l ')' -printf '%P %s %T@ %l\n' | LC_ALL=C sort | digest; }

# Of a git work tree: HEAD, or the empty tree before the first commit; what differs from it; and what git neither has
# nor ignores. What a person has git ignore everywhere is not left aside: it is no part of the tree, and make takes it
# for a source. Runs as the developer.
content_of_git() { # PRODUCT...
  local name head others=(ls-files --others --exclude-standard -z)
  local trusted=(git -c 'safe.directory=*' -c core.excludesFile=/dev/null -c diff.autoRefreshIndex=false)
  export GIT_OPTIONAL_LOCKS=0
  for name; do others+=(-x "$name"); done
  head=$("${trusted[@]}" rev-parse -q --verify HEAD) || head=$("${trusted[@]}" hash-object -t tree /dev/null)
  {
    printf '%s\n' "$head"
    "${trusted[@]}" diff --no-color --no-ext-diff --no-textconv --submodule=diff --binary "$head" | changed_only
    "${trusted[@]}" "${others[@]}" | LC_ALL=C sort -z | xargs -0r sha256sum
  } | digest
}

# Drops the header of a file that was touched and has no change, which git prints if it may not write its index.
changed_only() { awk '/^diff --git / { header = $0; next } header { print header; header = "" } { print }'; }

# A find over the current folder which leaves aside products, and what its .gitignore names. Of gitignore(5) it knows
# names, paths from the root and folders, which is what such files hold; a file that a `!` names is left aside too.
find_others() { # EXPRESSION...
  local name ignored=()
  for name in "${products[@]}"; do ignored+=(-o -name "$name"); done
  for name in "${made_files[@]}"; do ignored+=(-o -path "./$name"); done
  while IFS= read -r name || [ -n "$name" ]; do
    name=${name%"${name##*[![:space:]]}"}
    case $name in
      '' | '#'* | '!'*) ;;
      /*) ignored+=(-o -path ".${name%/}") ;;
      ?*/?*) ignored+=(-o -path "./${name%/}") ;;
      *) ignored+=(-o -name "${name%/}") ;;
    esac
  done < <(cat .gitignore 2>/dev/null)
  find . '(' "${ignored[@]:1}" ')' -prune -o "$@"
}
