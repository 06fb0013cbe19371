# The kernel's NFS server, for the guests of one stack: a bind mount below the export folder, and an export file.
# Source: guide, step 5.
: "${directory:?}" "${address:?}" "${mount_point:?}" "${mount_line:?}" "${clients[0]:?}" "${options:?}"
: "${exports_file:?}" "${fstab:?}"
. ../machine/step.sh
. ../machine/lib/files.sh
. ../machine/lib/lines.sh
. ../machine/lib/mounts.sh

folders=("$(dirname "$mount_point")" "$(dirname "$exports_file")")
# Of the export that is the root of NFSv4: a guest finds its own below it, and nothing else.
root_options=ro,fsid=0,subtree_check,all_squash,sec=sys

create() {
  local absent folder root
  command -v exportfs >/dev/null ||
    die "cannot serve $directory: exportfs is not installed; apt-get install nfs-kernel-server"
  absent=$(unmounted "$directory" "$fstab")
  [ -z "$absent" ] ||
    die "cannot serve $directory: nothing is mounted on $absent, where $fstab has a disk; mount it and run this again"
  [ -d "$directory" ] || die "cannot serve $directory: it is no directory; make it first"
  root=$(exportfs -s | root_of_exports)
  case $mount_point in
    "$root"/*) ;;
    *) die "cannot serve $directory: exports of NFSv4 begin at $root on this host (fsid=0), and $mount_point is not" \
      "below it; move that root to $(dirname "$mount_point"), or ask for nfsServer: ganesha" ;;
  esac
  for folder in "${folders[@]}"; do
    if [ ! -d "$folder" ]; then
      mkdir -p -- "$folder"
      : >"$folder/.duet"
    fi
  done
  mkdir -p -- "$mount_point"
  put_lines "$fstab" "$mount_line"
  if mountpoint -q "$mount_point" && [ ! "$mount_point" -ef "$directory" ]; then umount -l -- "$mount_point"; fi
  mountpoint -q "$mount_point" || mount --bind -- "$directory" "$mount_point"
  if [ -d /run/systemd/system ]; then timeout 60 systemctl start nfs-server >&2; fi
  serve_while_mounted
  withdraw < <(own_entries | without_options | grep -vxF -f <(entries "$root" | without_options))
  entries "$root" | replace_file "$exports_file"
  grant <"$exports_file"
  printf '%s:%s\n' "$address" "${mount_point#"$root"}"
}

facts() {
  local exported
  exported=$(exportfs -s)
  if [ -d "$mount_point" ]; then
    fact 'exported directory' "$(file_system_of "$mount_point"), inode $(stat -c %i -- "$mount_point")"
  fi
  fact 'bind mount' "$(mountpoint -q "$mount_point" && echo mounted || echo none)"
  fact exports "$(sed -n "s|^$mount_point  *||p" <<<"$exported" | sort | tr '\n' ' ')"
  fact 'root of NFSv4' "$(root_of_exports <<<"$exported")"
  checksum_fact 'exports file' "$exports_file"
  lines_fact "lines in $fstab" "$fstab"
}

identity() { echo kernel; }

# Takes back the export, the mount, the line and the folders, and nothing of anybody else's.
delete() {
  local folder
  if command -v exportfs >/dev/null; then withdraw < <(own_entries); fi
  rm -f -- "$exports_file"
  while mountpoint -q "$mount_point"; do umount -- "$mount_point" || umount -l -- "$mount_point"; done
  drop_lines "$fstab"
  if [ -d "$mount_point" ]; then rmdir -- "$mount_point"; fi
  for folder in "${folders[@]}"; do
    if [ -e "$folder/.duet" ] && [ "$(ls -A -- "$folder")" = .duet ]; then
      rm -- "$folder/.duet"
      rmdir -- "$folder"
    fi
  done
}

# Prints the export at which the paths of NFSv4 begin, if there is one among those; else nothing, which is `/`.
root_of_exports() { awk '!found && /[(,]fsid=(0|root)[,)]/ { print $1; found = 1 }'; }

# Has a directory of another disk served only while that is mounted: the whole NFS server would not start at boot if the
# disk is missing, with the exports of everybody. A folder of the same disk does not count as a mount there.
# Source: exports(5), mountpoint; nfs-server-generator(8).
serve_while_mounted() {
  if [ "$(stat -c %d -- "$mount_point")" != "$(stat -c %d -- "$(dirname "$mount_point")")" ]; then
    options+=,mountpoint
  fi
}

# Prints what is to be exported, as exports(5) has it. With one root of NFSv4 there is no other: if it is for others
# only, the guests cannot begin there.
entries() { # ROOT
  local client
  for client in "${clients[@]}"; do
    if [ -n "$1" ]; then printf '%s %s(%s)\n' "$1" "$client" "$root_options"; fi
    printf '%s %s(%s)\n' "$mount_point" "$client" "$options"
  done
}

# Prints what is exported for the stack: by its file, and whatever is at its own mount point.
own_entries() {
  cat -- "$exports_file" 2>/dev/null || true
  exportfs -s | sed -n "s|^\($mount_point\)  *|\1 |p"
}

without_options() { sed 's/(.*//'; }

# Exports entries, and withdraws them, one by one: all at once would drop what somebody has exported by hand, and fail
# on a broken line of somebody's. What is exported already gets its options anew: withdrawn for a moment, it would be
# stale to a guest that works there. Source: exportfs(8), -i.
grant() {
  local path client options
  while IFS=' (' read -r path client options; do exportfs -i -o "${options%)}" "$(as_client "$client"):$path"; done
}

withdraw() {
  local path client
  while IFS=' (' read -r path client _; do exportfs -u "$(as_client "$client"):$path" 2>/dev/null || true; done
}

# An address as exportfs takes it before a colon.
as_client() { case $1 in *:*) printf '[%s]' "$1" ;; *) printf '%s' "$1" ;; esac }

run_step "$@"
