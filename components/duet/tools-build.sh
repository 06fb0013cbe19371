# libduet, the command duet and the dummy task, built by the developer at the shared path. Source: guide, step 14.
: "${programs:?}"
. ../machine/step.sh
. ../machine/lib/since.sh
. ./make.sh

built=("$programs/libduet.so.1" "$programs/duet")

create() {
  can_read "$programs/Makefile" ||
    die "cannot build the tools: there is no Makefile in $programs that uid $uid can read; correct duet:sources," \
      "or the rights there"
  fresh_sources "$programs"
  make_and_note make_tools
  result tools "$(checksum)"
}

# One command at a time, as the guide types it: not every Makefile says what needs what.
make_tools() { make_as_developer 'libduet and its tools' "$programs/Makefile" -C "$programs" all; }

facts() {
  if newer_than_record "${built[@]}"; then fact built "$(checksum)"; else recorded built; fi
}

# Over library and command, as far as they are there.
checksum() {
  local sum
  while read -r sum _; do printf %.8s "$sum"; done < <(timeout -s KILL 10 sha256sum -- "${built[@]}" 2>/dev/null)
}

run_step "$@"
