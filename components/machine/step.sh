# The frame of every step. A step's file defines `create`, and `facts` and `delete` if there is something to say or to
# take back; it may be run by hand: bash NAME.sh facts|create|delete.
: "${title:?}" "${step:?}" "${records:?}" "${across[*]-}"
. ./lib/die.sh
. ./lib/environment.sh

record=$records/$step

# Prints a fact that the step establishes: a key and a value.
fact() { printf '%s: %s\n' "$1" "${2-}"; }

# Says beside the facts what is to be known of the machine and is no difference.
note() { printf 'note: %s\n' "$*"; }

# Hands a key and a value on to the steps after it.
result() { printf '%s: %s\n' "$1" "${2-}"; }

# Runs words on the machine that has the step's record.
there() {
  if [ -z "${across[*]-}" ]; then
    "$@"
  else
    timeout 120 "${across[@]}" "$(printf '%q ' "$@")"
  fi
}

facts() { :; }
delete() { :; }

# Prints what takes long to find out: a process of its own, which facts can end. Defaults to nothing.
look() { :; }

# What happens at each boot of the machine, if the step has put a unit there that asks for it.
boot() { :; }

# Prints what became of the machine if that is why other steps fail: a line. Defaults to nothing.
explain() { :; }

# Prints what a step is about, if a step about something else has to be taken back before this one is made. Defaults to
# nothing.
identity() { :; }

# Records the facts as whoever compares them later reads them: one that cannot be read is missing, and fails nothing.
# What changes meanwhile is newer than the record. A reset must not leave the record of what was never written.
keep_record() {
  local text
  mkdir -p -- "$records/.completed"
  : >"$record.time"
  IFS= read -t 60 -rd '' text < <(tell facts) || true
  printf '%s' "$text" >"$record.new"
  touch -r "$record.time" -- "$record.new"
  rm -f -- "$record.time"
  sync -f -- "$record.new"
  mv -- "$record.new" "$record"
  : >"$records/.completed/$step"
}

# Runs a function that only looks: one that fails on the way has found less, and is no error.
tell() { # FUNCTION
  set +eu +o pipefail
  exec </dev/null 2>/dev/null
  "$1"
}

# Puts the file of this step in the place of that of the last run. A spec that has changed may have made what that one
# has left superfluous: then it is taken back by its own file.
supersede() {
  local old=$record.sh before now
  if [ "$0" -ef "$old" ]; then return; fi
  if [ -e "$old" ]; then
    before=$(bash "$old" identity 2>/dev/null) || true
    now=$(identity)
    # The file of an earlier version may say less of the same thing.
    if [ -n "$before" ] && [[ "$now " != "$before "* ]]; then bash "$old" delete; fi
  fi
  mv -- "$0" "$old"
}

# The record goes first and comes last: a step that was cut off anywhere is known to be incomplete. All that the step
# has started ends with it.
run_create() {
  if [ -n "${across[*]-}" ]; then
    there mkdir -p -- "$records" </dev/null
    # shellcheck disable=SC2016 # The variables are those of the shell there.
    there bash -c 'cat >"$1.new" && mv -- "$1.new" "$1"' bash "$record.sh" <"$0"
  else
    supersede </dev/null
  fi
  there rm -f -- "$record" </dev/null
  trap 'trap "" TERM; kill -TERM 0; exit 143' TERM
  (create) <&0 &
  wait "$!"
  trap - TERM
  there bash "$record.sh" record </dev/null
}

# Forgets the step once it is taken back. Harmless when repeated.
run_delete() {
  (delete) </dev/null
  there rm -f -- "$record" "$record.sh" "$records/.completed/$step" </dev/null
  give_back_folder "$records/.completed"
}

# Removes a folder, and those above it, that are empty, if they are root's own of Duet: nobody else removes those.
give_back_folder() { # FOLDER
  local folder=$1
  case $folder in /var/lib/duet/*) ;; *) return ;; esac
  until [ -d "$folder" ]; do folder=$(dirname -- "$folder"); done
  # It stops at /var/lib, where others have something.
  rmdir -p -- "$folder" 2>/dev/null || true
}

# Takes the step's own part of standard input, which comes after its length, and ends the step when the rest ends: then
# whoever has asked for it is gone. What sudo has started gets no signal from there.
watch_caller() {
  local size own
  read -r size
  IFS= read -r -N "$size" own || true
  # shellcheck disable=SC2016 # The variable is that of the shell which watches.
  setpriv --pdeathsig KILL bash -c 'cat >/dev/null && kill -TERM "$1"' bash "$$" <&0 2>/dev/null &
  exec < <(printf %s "$own")
}

run_step() {
  export LC_ALL=C
  case ${1-} in
    create | delete)
      [ -n "${DUET_STEP-}" ] || exec env -i DUET_STEP="$step" LC_ALL=C "${inherited[@]}" bash "$0" "$@"
      set -euo pipefail
      umask 022
      if [ "${2-}" = watched ]; then watch_caller; fi
      "run_$1"
      ;;
    record) set -euo pipefail && keep_record ;;
    facts | look) tell "$1" ;;
    boot) set -euo pipefail && boot ;;
    explain) set -euo pipefail && explain ;;
    identity) identity ;;
    *) die "cannot do '${1-}' with the step $step: it takes create, facts, delete, look, boot, explain or identity" ;;
  esac
}
