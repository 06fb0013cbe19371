# Watches one guest, and writes down what can be known of each of its crashes before anything resets it.
#
# Usage: duet-watch watch    for as long as it is let
#        duet-watch collect  once: what the guest is in now, if it is not written down yet
#        duet-watch dump     its memory as it is now; prints where, and how to go on with it
: "${watch:?}" "${reports:?}"
set -euo pipefail
export LC_ALL=C
umask 022
. ../guest/power.sh
. ../machine/lib/panic.sh
. ../machine/lib/lock.sh
. ../machine/lib/virsh.sh
. ./dump.sh
. ./write.sh

# Seconds in which a guest that goes on is not written of again for the same words.
pause=600

# A trap waits for a command, but not for `wait`.
watch_guest() {
  printf '%s\n' "$$" >"$watch/pid"
  trap 'trap "" TERM; kill -TERM 0; exit 143' TERM
  # Of one that was cut off.
  rm -rf -- "$reports"/.new-*
  # What was there before anybody looked is no news.
  if [ ! -e "$watch/last" ] && ! panicked; then note_sign "$(last_sign)"; fi
  exec {events}< <(notice)
  # What has come while nobody looked is.
  look
  while IFS= read -r -u "$events" _; do look; done
}

# Writes down what there is, once nothing has come for a second; it may come for ever.
look() {
  local end=$((SECONDS + 15))
  # Who is about to reset the guest waits from now on.
  printf '%s\n' "$$" >"$watch/collecting"
  while [ "$SECONDS" -lt "$end" ] && IFS= read -r -t 1 -u "$events" _; do :; done
  collect &
  wait "$!" || true
}

# Prints a line whenever something may have crashed, and sleeps in between. A log that is trimmed, and a libvirt that
# ends, are no end of it: the connection is made anew each hour.
notice() {
  while :; do
    stdbuf -oL virsh -q -c "$uri" event --domain "$guest" --event lifecycle --loop --timeout 3600 2>/dev/null |
      grep --line-buffered -e Crashed || true
    sleep 5
  done &
  while :; do
    tail -n 0 -F -- "$console" 2>/dev/null | grep --line-buffered -aE -e "$signs" || true
    sleep 5
  done
}

# The last of the console's lines that begins a crash.
last_sign() { last_of_console 400 | grep -aE -e "$signs" | tail -n 1 || true; }

note_sign() { printf '%s\n%s\n' "$1" "$(date +%s)" >"$watch/last"; }

# Waits until the console says no more, for 15 s at most: a trace has many lines.
settle() {
  local size='' now
  for _ in $(seq 15); do
    now=$(stat -c %s -- "$console" 2>/dev/null) || now=none
    if [ "$now" = "$size" ]; then return; fi
    size=$now
    sleep 1
  done
}

# Whether there is a crash that is not written down: `sign` is its first line, and `state` what became of the guest.
is_new() {
  local old='' time=0
  state=reported
  if panicked || is_crashed; then state=panicked; fi
  sign=$(last_sign)
  if [ -z "$sign" ]; then
    if [ "$state" = reported ]; then return 1; fi
    # It may have nothing to say, and the one before it likewise.
    sign="stopped, as of $(stat -c %y -- "$console" 2>/dev/null || true)"
  fi
  { read -r old && read -r time; } 2>/dev/null <"$watch/last" || true
  if [ "$sign" = "$old" ]; then return 1; fi
  if [ "$state" = reported ] && [ "$(words_of "$sign")" = "$(words_of "$old")" ] &&
    [ "$(($(date +%s) - time))" -lt "$pause" ]; then return 1; fi
}

# What a line says, whatever the time, the task and the addresses are.
words_of() { sed -E -e "s/$stamp//" -e 's/0x[0-9a-f]+|[0-9a-f]{8,}|[0-9]+//g' <<<"$1"; }

# Waits until nobody else writes of the guest. Who is about to reset it waits from now on.
take_turn() {
  exec {held}<>"$watch/lock"
  lock "$held" 300 || return 1
  printf '%s\n' "$BASHPID" >"$watch/collecting"
}

# Begins a folder, `new`, which gets its `name` once all is in it.
begin_folder() {
  name=$(date +%Y-%m-%dT%H-%M-%S.%3N)
  new=$reports/.new-$name
  mkdir -p -- "$new"
  find_objects
  take_dump "$new"
}

collect() (
  take_turn || {
    # The mark may be another's, who is at it.
    if [ "$(<"$watch/collecting")" = "$$" ]; then rm -f -- "$watch/collecting"; fi
    exit 0
  }
  trap 'rm -f -- "$watch/collecting"' EXIT
  settle
  is_new || exit 0
  begun=$SECONDS
  begin_folder
  read_dump "$new"
  write_report "$new" "$name" "$state" "$((SECONDS - begun))"
  note_sign "$sign"
  mv -T -- "$new" "$reports/$name"
  prune_reports
  if [ "$state$after" = panickedreset ]; then
    reset_guest
    virsh_in_time resume -- "$guest" 2>/dev/null || true
  fi
)

# libvirt has a guest go on that it has stopped for its dump, and no other: one that gdb or a panic has stopped stays as
# it is. Source: virsh(1), dump; libvirt's qemuDomainCoreDumpWithFormat.
dump() (
  take_turn || die "cannot dump the memory of $guest: its watcher has been at it for 300 s; wait for its report"
  new=
  trap 'rm -rf -- "$watch/collecting" "$new"' EXIT
  begin_folder
  [ -z "$no_dump" ] || die "cannot dump the memory of $guest: $no_dump"
  mv -T -- "$new" "$reports/$name"
  prune_reports
  [ -e "$reports/$name" ] ||
    die "cannot keep the memory of $guest: it takes more than the $space GiB of duet:host.crashes; raise its space"
  printf '%s\n\n' "$reports/$name"
  commands "$reports/$name" "$name" dumped
)

case ${1-} in
  watch) watch_guest ;;
  collect) collect ;;
  dump) dump ;;
  *) die "cannot do '${1-}': it takes watch, collect or dump" ;;
esac
