# Has the guest run one kernel: it is booted once, and is the default only after it has come up. If it does not come up,
# the guest is reset into its old kernel, and the console's last lines say why. Source: guide, step 10.
#
# `create` runs on the host, since it ends every connection to the guest; `facts` run in the guest.
: "${uri:?}" "${guest:?}" "${release:?}" "${build_id:?}" "${timeout:?}"
: "${packages[0]:?}" # Others were installed before.
. ../machine/step.sh
. ../guest/shutdown.sh
. ../machine/lib/await.sh
. ../machine/lib/build-id.sh
. ../machine/lib/standing.sh
. ../crash/report.sh

wanted="$release $build_id"

create() {
  local before now found
  if [ "$(running)" != "$wanted" ]; then
    before=$(boot_id)
    in_guest 60 '' boot_once "$release" >&2
    reboot_guest
    end_shared_connection
    begin_wait "$timeout"
    while now=$(boot_id || true) && { [ -z "$now" ] || [ "$now" = "$before" ]; }; do
      if in_vain; then fall_back; fi
      sleep 1
    done
    found=$(running)
    [ "$found" = "$wanted" ] ||
      die "cannot run kernel $wanted in $guest: it came up with $found; see its console, $console"
  fi
  in_guest 60 '' make_default "$release" >&2
  result running "$release"
}

# What runs in the guest and what would at its next boot. Its lines are NAME=VALUE. Source: GRUB, "Environment block".
facts() {
  local name entry
  fact 'running kernel' "$(running_kernel)"
  while IFS='=' read -r name entry && [ "$name" != saved_entry ]; do entry=; done </boot/grub/grubenv
  fact 'default entry' "$entry"
}

running() { in_guest 60 read_build_id running_kernel 2>/dev/null; }

boot_id() { timeout 15 "${ssh[@]}" cat /proc/sys/kernel/random/boot_id </dev/null 2>/dev/null; }

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

# In the guest: prints release and build id of the kernel that runs.
running_kernel() {
  local release id
  read -r release </proc/sys/kernel/osrelease
  read_build_id /sys/kernel/notes
  printf '%s %s\n' "$release" "$id"
}

# In the guest: the fallback is the default, and the kernel is what boots next, once.
boot_once() { # RELEASE
  local entries entry old
  entries=$(grep -o "gnulinux-[^']*-advanced-[^']*" /boot/grub/grub.cfg)
  entry=$(grep -F -e "gnulinux-$1-advanced-" <<<"$entries" | head -n 1) || true
  [ -n "$entry" ] || die "cannot boot kernel $1: GRUB in the guest has no entry for it; is its package there?"
  old=$(grep -vF -e +duet- <<<"$entries" | head -n 1) || true
  if [ -n "$old" ]; then grub-set-default "$old"; fi
  grub-reboot "$entry"
  sync
}

# In the guest: the kernel that has come up is the default from now on.
make_default() { # RELEASE
  grub-set-default "$(grep -o "gnulinux-[^']*" /boot/grub/grub.cfg | grep -F -e "gnulinux-$1-advanced-" | head -n 1)"
  sync
}

run_step "$@"
