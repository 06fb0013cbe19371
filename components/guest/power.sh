# A guest's power: cut, on, and over again. Source: guide, step 4.
: "${uri:?}" "${guest:?}"
. ../machine/lib/panic.sh

virsh=(virsh -q -c "$uri")

# Whether another QEMU takes the place of a reset. One that translates the guest's code keeps over a reset what it has
# translated, and each byte that the next boot writes over code of the last is slow for that: after a build in the
# guest, its boot loader and then its kernel were silent for a minute each. And one that was given a kernel boots that
# again, whatever the domain has by now.
needs_other_qemu() { runs_with "^<domain type='qemu'|<kernel>"; }

# Whether the QEMU that runs was given a kernel. The same one from a boot loader is another way to run it.
is_direct() { runs_with '<kernel>'; }

# Whether a line of the definition of what runs matches. Not through a pipe: virsh dies of it if grep has seen enough,
# and would be believed.
runs_with() { grep -qE -e "$1" < <("${virsh[@]}" dumpxml -- "$guest" 2>/dev/null); } # PATTERN

cut_off() { "${virsh[@]}" destroy -- "$guest" >/dev/null 2>&1 || true; }

power_on() {
  local why
  forget_panic
  why=$("${virsh[@]}" start -- "$guest" 2>&1) && return
  # QEMU has died without a word, as seen once on a busy machine: what is in its way says so at the next try.
  if [[ $why == *'process exited while connecting to monitor' ]]; then
    say "QEMU of $guest ended without a word as it began; it is started again"
    why=$("${virsh[@]}" start -- "$guest" 2>&1) && return
  fi
  not_started "$why"
}

# Says in a line why libvirt did not start the domain: its first line says no more than that, and QEMU's own words may
# take several after it.
not_started() { # WHY
  local why what='repair that'
  case $1 in
    *'Cannot allocate memory'*) what="free some memory of the host, or lower \`memory\` in duet:vms" ;;
  esac
  why=$(sed -e 's/^error: //' -e '/^Failed to start domain/d' -e '/^$/d' <<<"$1" | paste -sd' ')
  die "cannot start domain $guest: libvirt says: $why; $what, then run this again"
}

reset_guest() {
  if needs_other_qemu; then
    cut_off
    power_on
  else
    reset_in_place
  fi
}

reset_in_place() {
  forget_panic
  "${virsh[@]}" reset -- "$guest" >&2
}
