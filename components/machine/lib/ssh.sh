# A guest, seen from its host.
: "${ssh[0]:?}"
. ../step.sh

# Whether the guest answers ssh.
answers() { timeout 15 "${ssh[@]}" true </dev/null >/dev/null 2>&1; }

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
