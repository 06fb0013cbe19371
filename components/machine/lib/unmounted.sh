# Disks that are not there.

# Prints where fstab(5) has something on a folder, or above it, while nothing is mounted there: if the folder exists at
# all, it is of another disk then. Prints nothing if all is as it should be.
unmounted() { # FOLDER FSTAB
  local folder=$1 points
  points=$(awk '$1 !~ /^#/ { sub("/$", "", $2); print $2 }' "$2" 2>/dev/null) || true
  while [ -n "$folder" ]; do
    if grep -qxF -e "$folder" <<<"$points" && ! mountpoint -q -- "$folder"; then
      printf '%s\n' "$folder"
      return
    fi
    folder=${folder%/*}
  done
}
