# A guest on its way into another kernel. Source: guide, step 10.
: "${release:?}" "${build_id:?}" "${timeout:?}"
. ../machine/lib/await.sh
. ../machine/lib/ssh.sh
. ../machine/lib/build-id.sh
. ../machine/lib/standing.sh
. ../crash/report.sh

wanted="$release $build_id"

running() { in_guest 60 read_build_id running_kernel 2>/dev/null; }

# In the guest: prints release and build id of the kernel that runs.
running_kernel() {
  local release id
  read -r release </proc/sys/kernel/osrelease
  read_build_id /sys/kernel/notes
  printf '%s %s\n' "$release" "$id"
}

boot_id() { timeout 15 "${ssh[@]}" cat /proc/sys/kernel/random/boot_id </dev/null 2>/dev/null; }

# Waits until the guest runs the kernel. One that does not come up is reset into what it would boot by itself, and the
# console's last lines say why.
await_kernel() { # BOOT-ID
  local now found
  end_shared_connection
  begin_wait "$timeout"
  while now=$(boot_id || true) && { [ -z "$now" ] || [ "$now" = "$1" ]; }; do
    if in_vain; then fall_back; fi
    sleep 1
  done
  found=$(running)
  [ "$found" = "$wanted" ] ||
    die "cannot run kernel $wanted in $guest: it came up with $found; see its console, $console"
}

fall_back() {
  local why back='is back in its old kernel'
  if panicked; then
    why="panicked: $(panic_story '')"
    await_report
    tell_crashes "$told" || true
  else
    why="gave no answer for $(waited) s$(standing)"
  fi
  say "$guest booted kernel $release and $why; it is reset into its old kernel; its console said:"
  last_of_console 40 | decoded >&2
  reset_guest
  go_on
  await_guest "$timeout" || back='did not come up with its old kernel either'
  die "cannot run kernel $release in $guest: it booted it and $why; mend that and run this again: $guest $back"
}
