# make as the developer, of what guests and the host build in one folder.
: "${tree:?}" "${made_note:?}"
: "${sources:?}" # Others are built again.
. ../machine/step.sh
. ../machine/lib/developer.sh
. ../machine/lib/lock.sh
. ../machine/lib/make.sh
. ../sources/content.sh

# Makes the machine see the sources as they are on the host now. Over NFS a file's times come from memory for up to a
# minute, and make looks at nothing but times; opening a file asks the server. Source: nfs(5), "Close-to-open cache
# consistency".
fresh_sources() { # PATH...
  local files=('(' -name '*.[chS]' -o -name 'Makefile*' -o -name 'Kbuild*' -o -name '*.sh')
  files+=(-o -name auto.conf -o -name Module.symvers ')')
  as_developer find "$@" -type f "${files[@]}" -exec head -qc0 -- {} + 2>/dev/null || true
}

# Seconds that a build waits for another one, and after which it is given up itself: it is minutes of work at most.
turn_limit=1800
build_limit=1800

# Whether the developer, who runs make, can read one of the files. Over NFS root is nobody, and may not even see them.
can_read() { # FILE...
  local file
  for file; do
    if as_developer test -r "$file"; then return; fi
  done
  return 1
}

# Makes by the function, and notes what that has left in the tree: a program, a header. It is no edit as long as its
# bytes stay. Somebody may have added a file meanwhile, so that make sees it once more.
make_and_note() { # FUNCTION
  local before
  before=$(developer_does find_others files_in "$tree" "${products[@]}") || true
  # What make writes is newer. Without the note nothing is left aside, and preview tells of it.
  as_developer touch -c -- "$made_note" || true
  "$1"
  if [ -n "$(note_made "$before")" ]; then
    "$1"
    note_made "$before" >/dev/null
  fi
}

note_made() { # FILES-BEFORE
  developer_does find_others note_in "$tree" "$made_note" "${products[@]}" <<<"$1" || true
}

files_in() { # TREE PRODUCT...
  local products=("${@:2}") made_files=()
  cd -- "$1" || return
  find_others -type f -printf '%P\n'
}

# Notes the files that make has written, by their hashes, and prints those that were not noted yet: those that were not
# there before, which are read, and those that no editor writes.
note_in() { # TREE NOTE PRODUCT...
  local products=("${@:3}") made_files=() before file noted new=''
  cd -- "$1" && [ -w "$2" ] || return
  before=$(cat)
  noted=$(sed 's/^[^ ]*  //' -- "$2")
  while IFS= read -r file; do
    if grep -qxF -e "$file" <<<"$noted"; then continue; fi
    if ! grep -qxF -e "$file" <<<"$before" || ! grep -qI . -- "$file"; then new+=$file$'\n'; fi
  done < <(find_others -type f -newer "$2" -printf '%P\n')
  printf '%s' "$new"
  while IFS= read -r file; do
    if [ -f "$file" ]; then sha256sum -- "$file"; fi
  done <<<"$noted"$'\n'"$new" >"$2"
}

# The folder of links to the sources, if make works in one.
links=''

# Runs make as the developer, one at a time of those that guests and the host run there: whoever has the turn, a file of
# the developer's, locked is building. Its lines stream; when it fails, the first error is the last line.
make_as_developer() { # WHAT TURN WORD...
  local what=$1 why
  log=${log:-$(mktemp)}
  trap 'rm -f -- "$log"' EXIT
  if ! developer_does lock make_in_turn "$turn_limit" "$build_limit" "${@:2}" </dev/null 2>&1 | tee -- "$log" >&2; then
    why=$(first_error "$log")
    why=${why//"${links:-$tree}/"/"$tree/"}
    die "cannot build $what: ${why:-make printed nothing in $build_limit s, or waited $turn_limit s for another one}"
  fi
}

# As the developer: only the owner may open the turn, since root is squashed over NFS. All that make starts holds it.
# The shell becomes timeout, which passes the SIGTERM of as_developer on to make: timeout has its own process group,
# which gets none of the signals to the step's.
make_in_turn() { # TURN-LIMIT BUILD-LIMIT TURN WORD...
  exec 9<>"$3"
  lock 9 "$1" || die "another build has held $3 for $1 s"
  exec timeout -k 10 "$2" make "${@:4}"
}
