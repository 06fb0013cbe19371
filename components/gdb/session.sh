# The proof that a guest can be debugged: gdb attaches once the module is loaded, finds a function of it by name, with a
# file and a line below the shared path, and lets the guest go. Source: guide, step 13.
: "${uri:?}" "${guest:?}" "${stub:?}" "${directory:?}" "${function?}"
: "${user_commands:?}" "${proof_commands:?}" "${command_file:?}" "${debugger?}" "${debugger_file?}"
: "${kernel:?}" "${loaded:?}" # Other builds are proven again.
. ../machine/step.sh
. ../machine/lib/developer.sh
. ../machine/lib/files.sh
. ../machine/lib/virsh.sh
. ../duet/module-file.sh
. ../host/gdb-stub.sh

# Seconds that gdb gets to read the symbols, attach and detach: a second or two is what it takes.
limit=120
at="the gdb stub of $guest at $stub"
# What Duet's modules hook into the page cache: the sample's function, and that of Duet's own module.
hooks=(duet_handle_event duet_hook)

# There while the last build that was loaded is not proven, since somebody was debugging.
left_out=$command_file.left-out

create() {
  local client
  mkdir -p -- "$(dirname -- "$command_file")"
  printf '%s' "$user_commands" | replace_file "$command_file"
  # Only root needs more than the commands to call gdb.
  if [ -n "$debugger" ]; then
    printf '%s\n' "$debugger" | replace_file "$debugger_file"
    chmod 700 -- "$debugger_file"
  fi
  rm -f -- "$left_out"
  [ -n "$(listeners "$stub")" ] ||
    die "cannot use $at: nothing listens there; run pulumi up, which starts the guest"
  choose_function
  client=$(attached "$stub")
  if [ -n "$client" ]; then
    leave_out "$client"
    return
  fi
  work=$(mktemp -d)
  gdb=
  trap 'code=$?; end_session || :; exit "$code"' EXIT
  trap 'exit 143' HUP INT TERM
  printf '%s' "${proof_commands//@function@/"$function"}" >"$work/commands"
  run_gdb
  read_proof
}

# A proof that was left out is due once nobody is attached.
facts() {
  checksum_fact 'gdb commands' "$command_file"
  if [ -n "$debugger" ]; then checksum_fact 'gdb' "$debugger_file"; fi
  if [ -e "$left_out" ]; then
    if [ -n "$(attached "$stub")" ]; then fact proof 'left out'; else fact proof due; fi
  fi
}

delete() { rm -f -- "$command_file" "$left_out" ${debugger_file:+"$debugger_file"}; }

# Chooses the function to look for, if the spec names none: a hook, or for lack of one the module's first function.
choose_function() {
  local all hook
  if [ -z "$function" ]; then
    all=$(functions_of "$(find_object)")
    for hook in "${hooks[@]}" "${all%%$'\n'*}"; do
      if grep -qxF -e "$hook" <<<"$all"; then function=$hook && break; fi
    done
  fi
  [ -n "$function" ] || die "cannot prove $guest debuggable: module $module has no function that stays in memory;" \
    "name one in duet:module.breakpoint"
  cannot_prove="cannot find $function of the module in $guest with gdb"
}

# Prints the functions of an object which stay once it is loaded. Source: objdump(1), --syms.
functions_of() { as_developer objdump --syms -j .text -- "$1" 2>/dev/null | sed -n 's/^.* F \.text\t[0-9a-f]* *//p'; }

# Goes on without the proof if whoever is attached has let the guest continue: the stub takes one client.
leave_out() { # CLIENT
  case $(virsh_in_time domstate "$guest" 2>/dev/null) in
    running*) ;;
    *) die "cannot use $at: it takes one client, which is $1 and has stopped the guest; let it continue or detach," \
      "and run this again" ;;
  esac
  say "$guest is not proven debuggable: $1 is attached; there, the lx-symbols of $command_file reads the new symbols"
  : >"$left_out"
  result function "$function"
}

# Whatever has happened, the guest is running afterwards: gdb detaches when it is told to end, and libvirt calls a guest
# paused after each gdb, detached or not.
end_session() {
  if [ -n "$gdb" ]; then
    kill "$gdb" 2>/dev/null || :
    wait "$gdb" || :
  fi
  case $(virsh_in_time domstate "$guest" 2>/dev/null) in
    paused*) virsh_in_time resume "$guest" >&2 ;;
  esac
  rm -rf -- "$work"
}

run_gdb() {
  local code=0 why become
  local reasons='Connection refused|[Tt]imed out|No symbol|not defined|No line number|No such file|Cannot access'
  reasons+='|not support|[Ee]rror'
  # The scripts that it runs are the developer's, who gets the commands open, since the folder is nobody else's.
  become_developer
  "${become[@]}" timeout -k 10 "$limit" gdb -nx -batch -iex "add-auto-load-safe-path $directory" \
    -x /proc/self/fd/3 3<"$work/commands" </dev/null >"$work/log" 2>&1 &
  gdb=$!
  wait "$gdb" || code=$?
  gdb=
  cat -- "$work/log" >&2
  [ "$code" != 124 ] || die "$cannot_prove: it was not done within $limit s; see its lines above"
  if ! grep -qxF 'proof: done' -- "$work/log"; then
    why=$(grep -m1 -E -e "$reasons" -- "$work/log" || tail -n 1 -- "$work/log")
    die "$cannot_prove: it says: $why"
  fi
}

read_proof() {
  local line address file
  read -r line address < <(
    sed -n -E 's/^Line ([0-9]+) of .* (starts|is) at address (0x[0-9a-f]+).*/\1 \3/p' "$work/log"
  ) || die "$cannot_prove: it knows no line for it; build the module with debug information"
  # Without the symbolic links that lead there.
  file=$(sed -n 's/^file: //p' "$work/log")
  case $file in
    "$directory"/* | "$(realpath -m -- "$directory")"/*) ;;
    *) die "$cannot_prove below $directory: it finds it in $file; build the module at the shared path" ;;
  esac
  [ -e "$file" ] || die "$cannot_prove with its source: there is no $file; build the module without a map of prefixes"
  grep -qF -e " of $objects/" -- "$work/log" ||
    die "$cannot_prove: it is not in the module in $objects; choose another function of it"
  result function "$function"
  result address "$address"
  result file "$file"
  result line "$line"
}

run_step "$@"
