# What is known of the crashes of a guest: a folder each, which its watcher makes, with `story`, a line, and the report.
: "${guest:?}" "${watch:?}" "${reports:?}" "${told:?}" # Folder of the watcher and of the reports; who was told of them.
. ../machine/step.sh

# The watcher of the guest, which is root's.
watcher=$watch/duet-watch

# Waits until what can be known of a guest that has crashed is written down, which a reset would end. Root has it done
# if the watcher has not seen it.
await_report() {
  if [ -x "$watcher" ] && [ "$EUID" = 0 ]; then
    timeout 400 "$watcher" collect </dev/null >/dev/null 2>&1 || true
    return
  fi
  for _ in $(seq 400); do
    if [ ! -e "$watch/collecting" ] || [ ! -e "/proc/$(<"$watch/collecting")" ]; then return; fi
    sleep 1
  done
}

# Prints the folders of the crashes that nobody was told of, the oldest first.
untold() {
  local folder
  for folder in "$reports"/*/; do
    folder=${folder%/}
    if [ -e "$folder/story" ] && ! grep -qsxF -e "$folder" -- "$told"; then printf '%s\n' "$folder"; fi
  done
}

# Prints a line: what it was, where that is in the sources, and where the report is.
crash_line() { # FOLDER
  printf '%s %s; report: %s' "$guest" "$(<"$1/story")" "$1/report.txt"
}

# Says a line for each crash that nobody was told of. Fails if there is none.
tell_crashes() {
  local folder known=1
  while IFS= read -r folder; do
    say "$(crash_line "$folder")"
    mkdir -p -- "${told%/*}"
    printf '%s\n' "$folder" >>"$told"
    known=0
  done < <(untold)
  return "$known"
}
