# A guest, seen from its host.
: "${ssh[0]:?}"
. ../step.sh
. ./panic.sh

# Whether the guest answers ssh.
answers() { timeout 15 "${ssh[@]}" true </dev/null >/dev/null 2>&1; }

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

# Waits until the guest answers, for as long as that may help.
await_guest() { # SECONDS
  begin_wait "$1"
  until answers; do
    if in_vain; then return 1; fi
    sleep 1
  done
}

# Ends the connection that commands for the guest share: one that has died would hold up the next of them.
end_shared_connection() { "${ssh[@]::${#ssh[@]}-1}" -O exit "${ssh[@]: -1}" 2>/dev/null || true; }

# Runs a function of this script in the guest, with the functions that it needs. It sees no variable of this script.
in_guest() { # SECONDS FUNCTIONS FUNCTION WORD...
  local seconds=$1 functions script
  # shellcheck disable=SC2086 # Names of functions.
  functions=$(declare -f die say $2 "$3")
  shift 2
  script="set -euo pipefail; $functions"$'\n'"$(printf '%q ' "$@")"
  timeout "$seconds" "${ssh[@]}" "bash -c $(printf '%q' "$script")" </dev/null
}
