# The watcher of one guest: on the embedded host a process in its network, as its libvirtd is, which ends with it; on a
# host with systemd a unit that is not kept, since the guest does not come back at a boot by itself either. It is
# root's: a dump is written by root's libvirt, and readable by nobody else.
: "${text:?}" "${unit?}" "${asked_for?}" # Whether the folder of reports is the user's own, and stays.
. ../machine/step.sh
. ../machine/lib/files.sh
. ./report.sh

create() {
  mkdir -p -- "$watch" "$reports"
  # What was there before the stack, in a folder of the user's own, was told of then.
  [ -e "$told_by_root" ] || untold >"$told_by_root"
  # What it is at is done first.
  if is_running; then await_report; fi
  stop_watcher
  printf '%s\n' "$text" | replace_file "$watcher"
  # A preview, which needs no rights, compares what it does.
  chmod 755 -- "$watcher"
  start_watcher
  tell_crashes "$told_by_root" || true
}

facts() {
  fact watcher "$(if is_running; then echo runs; fi)"
  checksum_fact 'what it does' "$watcher"
  fact 'crash that the guest has survived' "$(survived)"
}

delete() {
  stop_watcher
  rm -rf -- "$watch"
  if [ -z "$asked_for" ]; then rm -rf -- "$reports"; fi
  give_back_folder "${watch%/*}"
}

# What nobody was told of, of a guest that goes on: one that has panicked is told of by who brings it back.
survived() {
  local folder
  while IFS= read -r folder; do
    if [[ $(<"$folder/story") == reported:* ]]; then printf '%s ' "$folder"; fi
  done < <(untold)
}

# Its pid may be another's by now, and one that has ended may still be listed.
pid_of_watcher() {
  local pid name state
  read -r pid <"$watch/pid" && read -r _ name state _ <"/proc/$pid/stat" && [ "$name" = '(duet-watch)' ] &&
    [ "$state" != Z ] && printf '%s' "$pid"
} 2>/dev/null

is_running() { pid_of_watcher >/dev/null; }

has_systemd() { [ -n "$unit" ] && [ -d /run/systemd/system ]; }

start_watcher() {
  if has_systemd; then
    systemd-run --quiet --collect --unit="$unit" --description="Watches $guest for crashes" "$watcher" watch
  else
    setsid -f "$watcher" watch </dev/null >/dev/null 2>"$watch/log"
  fi
  for _ in $(seq 50); do
    if is_running; then return; fi
    sleep 0.1
  done
  die "cannot watch $guest for crashes: its watcher has ended: $(tail -n 1 -- "$watch/log" 2>/dev/null)"
}

# Its group has all that it has started, also once it has died itself; a group of that number may be another's by now.
stop_watcher() {
  local group
  if has_systemd; then systemctl stop "$unit" 2>/dev/null || true; fi
  read -r group 2>/dev/null <"$watch/pid" || return 0
  kill_group TERM
  for _ in $(seq 50); do
    if ! is_group; then return; fi
    sleep 0.1
  done
  kill_group KILL
}

is_group() { pgrep -g "$group" -f -- "${watcher//./\\.} watch" >/dev/null; }

kill_group() { if is_group; then kill "-$1" -- "-$group" 2>/dev/null || true; fi; }

run_step "$@"
