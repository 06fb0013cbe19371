# The kernel's NFS server, for the guests of one stack: a bind mount below the export folder, and an export file.
# Source: guide, step 5.
: "${directory:?}" "${address:?}" "${mount_point:?}" "${mount_line:?}" "${exports:?}" "${exports_file:?}" "${fstab:?}"
. ../machine/step.sh
. ../machine/lib/files.sh
. ../machine/lib/lines.sh

folders=("$(dirname "$mount_point")" "$(dirname "$exports_file")")

create() {
  local folder
  command -v exportfs >/dev/null ||
    die "cannot serve $directory: exportfs is not installed; apt-get install nfs-kernel-server"
  [ -d "$directory" ] || die "cannot serve $directory: it is no directory; make it first"
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
  printf '%s' "$exports" | replace_file "$exports_file"
  if [ -d /run/systemd/system ]; then timeout 60 systemctl start nfs-server >&2; fi
  exportfs -ra
  printf '%s:%s\n' "$address" "$(client_path)"
}

facts() {
  fact 'exported directory' "$(stat -c 'device %d, inode %i' "$mount_point" 2>/dev/null)"
  fact 'bind mount' "$(mountpoint -q "$mount_point" && echo mounted || echo none)"
  fact exports "$(exportfs -s | awk -v path="$mount_point" '$1 == path { print $2 }' | sort | tr '\n' ' ')"
  checksum_fact 'exports file' "$exports_file"
  lines_fact "lines in $fstab" "$fstab"
}

identity() { echo kernel; }

# Takes back the export, the mount, the line and the folders, and nothing of anybody else's.
delete() {
  local folder
  rm -f -- "$exports_file"
  if command -v exportfs >/dev/null; then exportfs -ra; fi
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

# The path by which a client mounts it. NFSv4 paths begin at the export with fsid=0, if the user has one.
client_path() {
  local root
  root=$(exportfs -s | awk '/[(,]fsid=(0|root)[,)]/ { print $1; exit }')
  case $mount_point in
    "$root"/*) printf '%s' "${mount_point#"$root"}" ;;
    *) printf '%s' "$mount_point" ;;
  esac
}

run_step "$@"
