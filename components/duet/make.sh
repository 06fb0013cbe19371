# make as the developer, of what guests and the host build in one folder.
: "${tree:?}" "${sources:?}" "${content:?}" "${made_note:?}"
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

# Makes by the function. A program or a header that make writes to the tree is no edit of it: what it has left is noted
# as the sources that it was given. Somebody may edit them meanwhile, so that only what one more make leaves as it is
# counts.
make_until_settled() { # FUNCTION
  local left again
  "$1"
  left=$(content_now)
  for _ in 1 2 3; do
    if [ "$left" = "$sources" ] || is_noted "$left"; then return; fi
    "$1"
    again=$(content_now)
    if [ "$again" = "$left" ]; then printf '%s\n' "$sources $left" | as_developer tee -- "$made_note" >/dev/null; fi
    left=$again
  done
}

is_noted() { [ "$(as_developer cat -- "$made_note" 2>/dev/null)" = "$sources $1" ]; } # CONTENT

content_now() {
  developer_does 'content_of_git changed_only digest content_of_tree content_by_bytes find_others' content_in \
    "$tree" "$content" "${products[@]}"
}

# Runs make as the developer, one at a time of those that guests and the host run there: whoever has the turn, a file of
# the developer's, locked is building. Its lines stream; when it fails, the first error is the last line.
make_as_developer() { # WHAT TURN WORD...
  local what=$1 why
  log=$(mktemp)
  trap 'rm -f -- "$log"' EXIT
  if ! developer_does lock make_in_turn "$turn_limit" "$build_limit" "${@:2}" </dev/null 2>&1 | tee -- "$log" >&2; then
    why=$(first_error "$log")
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
