# Keeps a guest as it is, once it is proven. Source: guide, step 13.
: "${stub:?}"
: "${state:?}" # Another one is kept anew.
. ../machine/step.sh
. ../host/gdb-stub.sh
. ./proven.sh

# There while it is not kept, since somebody was debugging.
left_out=$definition.not-kept

create() {
  local client
  rm -f -- "$left_out"
  client=$(attached "$stub")
  # libvirt stops a guest for it, and a debugger would take that for its own stop.
  if [ -n "$client" ]; then
    forget_snapshot
    say "$guest is not kept as it is proven: $client is attached; end that, and run this again"
    : >"$left_out"
    return
  fi
  take_snapshot ||
    die "cannot keep $guest as it is proven: see libvirt's line above; mend that, or leave \`snapshot\` out"
}

facts() {
  local key
  if [ -e "$left_out" ]; then
    if [ -n "$(attached "$stub")" ]; then fact snapshot 'left out'; else fact snapshot due; fi
    return
  fi
  key=$(snapshot_key)
  fact snapshot "${key:-none}"
  if [ "$key" != "$(machine_key)" ]; then fact 'goes with this machine' no; fi
}

delete() {
  forget_snapshot
  rm -f -- "$left_out" "$definition.went-back"
}

run_step "$@"
