# File systems, and where they are mounted.

# Prints fields of findmnt(8) of the file system that a path is on, there or not, as findmnt escapes them. To look at
# the path mounts what waits for that.
mount_of() { # PATH FIELDS
  local path=$1
  until [ -e "$path/." ]; do path=$(dirname -- "$path"); done
  # Of those that are mounted one over the other the last one counts.
  findmnt -nro "$2" -T "$path" | tail -n 1
}

mount_point_of() { printf '%b\n' "$(mount_of "$1" TARGET)"; } # PATH

# Prints all mount points below a folder, a line each.
mounts_below() { # FOLDER
  local mount
  findmnt -nro TARGET | while IFS= read -r mount; do
    printf -v mount %b "$mount"
    if is_below "$mount" "$1"; then printf '%s\n' "$mount"; fi
  done
}

# Whether a path is below another one, and is not that one.
is_below() { # PATH FOLDER
  case $1 in "${2%/}/"?*) ;; *) return 1 ;; esac
}

# Prints what the file system of a path is known by, and what of it is mounted there: a subvolume, or a folder. Not by
# the number of its device: with LVM, with btrfs and with several disks that is another one after a boot. It is a UUID
# that everybody may read, or for lack of one what the kernel makes of it, which for ext4 and btrfs is the UUID, too.
file_system_of() { # PATH
  local source type part link id
  id="id $(stat -f -c %i -- "$1")"
  read -r source type part < <(mount_of "$1" SOURCE,FSTYPE,FSROOT)
  # Several devices of a btrfs have one UUID, and the link leads to any of them.
  if [ "$type" != btrfs ]; then
    for link in /dev/disk/by-uuid/*; do
      if [ "$link" -ef "${source%%\[*}" ]; then id="UUID ${link##*/}"; fi
    done
  fi
  printf '%s, %b\n' "$id" "$part"
}

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
