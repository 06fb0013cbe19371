# The sources directory, if only root can make it. It goes at destroy if it is empty, with those above it that
# were made for it. Source: guide, step 3.
: "${directory:?}" "${uid:?}" "${gid:?}" "${fstab:?}"
. ../machine/step.sh
. ../machine/lib/die.sh
. ./disk.sh
. ./made.sh

# Notes which folders were made.
made=$records/.sources-directory

create() {
  local absent folder=$directory new=''
  # What is cloned there would fill another disk, and be gone once this one is mounted.
  absent=$(unmounted "$directory" "$fstab")
  [ -z "$absent" ] ||
    die "cannot keep sources in $directory: nothing is mounted on $absent, where $fstab has a disk; mount it and run" \
      "this again"
  mkdir -p -- "$records"
  require_disk
  while [ ! -d "$folder" ]; do
    new+=$folder$'\n'
    folder=$(dirname -- "$folder")
  done
  printf '%s' "$new" >>"$made"
  mkdir -p -- "$directory"
  if [ -n "$new" ]; then chown "$uid:$gid" -- "$directory"; fi
  # The developer notes there what belongs to whom.
  [ "$(stat -c %u -- "$directory")" = "$uid" ] ||
    die "cannot keep sources in $directory: it is not yours; do sudo chown $uid:$gid $directory, or ask for another" \
      "directory in duet:sources"
  note_disk
}

facts() {
  fact 'owner of the sources directory' "$(stat -c %u -- "$directory")"
  fact 'file system of the sources directory' "$(file_system_of "$directory")"
}

delete() {
  rm -f -- "$disk_note"
  if [ -e "$made" ]; then remove_made "$made"; fi
}

run_step "$@"
