# The disk of the sources: it has to be mounted, and to be one, since that is what guests see.
: "${directory:?}"
. ../machine/step.sh
. ../machine/lib/mounts.sh

# Which directory was used last, where the file system that it was on was mounted, and what that is known by.
disk_note=$records/.sources-disk

# Refuses a directory whose disk is not mounted: its folder is an empty one then, on the file system above it, which
# would be filled without a word.
require_disk() {
  local of='' was='' id='' now
  { read -r of && read -r was && read -r id; } 2>/dev/null <"$disk_note" || return 0
  now=$(mount_point_of "$directory")
  if [ "$of" = "$directory" ] && is_below "$was" "$now"; then
    die "cannot keep sources in $directory: their disk ($id) is not mounted at $was, and they would fill the one at" \
      "$now; mount it, or, if they are to be there from now on, rm $disk_note"
  fi
}

note_disk() {
  printf '%s\n' "$directory" "$(mount_point_of "$directory")" "$(file_system_of "$directory")" >"$disk_note"
}

# Refuses a path below the directory that is on another file system, or has a part there: guests are served one, and
# would see an empty folder.
require_served() { # PATH
  local path mount
  path=$(realpath -m -- "$1")
  while IFS= read -r mount; do
    case $mount in "$path" | "$path"/*) ;; *) is_below "$path" "$mount" || continue ;; esac
    die "cannot use $1: $mount is another file system than $directory, and guests would see an empty folder there;" \
      "unmount it, or have the whole directory on it"
  done < <(mounts_below "$(realpath -m -- "$directory")")
}
