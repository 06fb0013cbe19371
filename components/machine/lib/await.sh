# A guest that comes up.
: "${console:?}"
. ./panic.sh
. ./ssh.sh

# Seconds for which a guest that comes up may say nothing on its console: a boot is slow without KVM, with KASAN, or
# beside seven others, and then its console moves.
silence=240

begin_wait() { # SECONDS
  begun=$SECONDS deadline=$((SECONDS + $1)) heard=$SECONDS size=
}

# Whether there is nothing to wait for any more: after a panic, after a long silence, or at the end of the time.
in_vain() {
  local now
  now=$(stat -c %s -- "$console" 2>/dev/null) || now=none
  if [ "$now" != "$size" ]; then size=$now heard=$SECONDS; fi
  panicked || [ "$SECONDS" -ge "$deadline" ] || [ "$SECONDS" -ge "$((heard + silence))" ]
}

# Seconds that a guest has been waited for.
waited() { printf %s "$((SECONDS - begun))"; }

# libvirt calls a guest paused after each gdb, and one that was reset while it was paused, or in a panic, stays so.
go_on() {
  case $(virsh_in_time domstate -- "$guest") in paused) virsh_in_time resume -- "$guest" >&2 ;; esac
}

# Waits until the guest answers, for as long as that may help.
await_guest() { # SECONDS
  begin_wait "$1"
  until answers; do
    if in_vain; then return 1; fi
    sleep 1
  done
}
