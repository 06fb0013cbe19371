# What is known of the crashes of a guest: a folder each, which its watcher makes, with `story`, a line, and the report.
: "${guest:?}" "${watch:?}" "${reports:?}" "${told:?}" # Folder of the watcher and of the reports; who was told of them.
. ../machine/step.sh

# The watcher of the guest, which is root's, and the file that names the crashes of which root's steps have told.
watcher=$watch/duet-watch
told_by_root=$watch/told

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
    if [ -e "$folder/story" ] && ! grep -qsxF -e "$folder" -- "$told" "$told_by_root"; then printf '%s\n' "$folder"; fi
  done
}

# Prints a line: what it was, where that is in the sources, and where the report is.
crash_line() { # FOLDER
  printf '%s %s; report: %s' "$guest" "$(<"$1/story")" "$1/report.txt"
}

# Says a line for each crash that nobody was told of, and notes that. Fails if there is none.
tell_crashes() { # FILE
  local folder known=1
  while IFS= read -r folder; do
    say "$(crash_line "$folder")"
    mkdir -p -- "${1%/*}"
    printf '%s\n' "$folder" >>"$1"
    known=0
  done < <(untold)
  return "$known"
}
