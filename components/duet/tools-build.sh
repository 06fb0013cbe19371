# libduet, the command duet and the dummy task, built by the developer at the shared path. Source: guide, step 14.
: "${programs:?}"
. ../machine/step.sh
. ../machine/lib/since.sh
. ./make.sh
. ./tasks.sh

built=("$programs/libduet.so.1" "$programs/duet")

create() {
  can_read "$programs/Makefile" ||
    die "cannot build the tools: there is no Makefile in $programs that uid $uid can read; correct duet:sources," \
      "or the rights there"
  fresh_sources "$programs" "$tasks"
  make_and_note make_tools
  result tools "$(checksum)"
}

# One command at a time, as the guide types it: not every Makefile says what needs what.
make_tools() {
  make_as_developer 'libduet and its tools' "$programs/Makefile" -C "$programs" all
  if has_tasks; then make_as_developer 'the dummy task' "$tasks/Makefile" -C "$tasks"; fi
}

facts() {
  if [ -d "$tasks" ]; then built+=("$tasks"); fi
  if newer_than_record "${built[@]}"; then fact built "$(checksum)"; else recorded built; fi
}

# Over library, command and tasks, as far as they are there.
checksum() {
  local tasks_made
  mapfile -t tasks_made < <(made_tasks)
  timeout -s KILL 10 sha256sum -- "${built[@]}" "${tasks_made[@]}" 2>/dev/null | cut -c1-16 | sha256sum | cut -c1-16
}

run_step "$@"
