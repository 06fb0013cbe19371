# The disk image of the guests, from where the spec says.
: "${path:?}" "${url?}" "${sha256?}" "${build[*]-}" "${owner?}" "${fetch_namespace?}" "${smallest_disk:?}"
: "${uri:?}" "${pool:?}" "${volume:?}" "${noted:?}"
. ../machine/step.sh
. ../machine/lib/apt.sh
. ../machine/lib/files.sh
. ../machine/lib/virsh.sh

create() {
  keep_disks
  if [ -n "$url" ] && [ ! -e "$path" ]; then fetch; fi
  if [ "${#build[@]}" != 0 ] && [ ! -e "$path" ]; then in_namespace "${build[@]}" >&2; fi
  if [ -n "$owner" ]; then give_away; fi
  [ -r "$path" ] || die "cannot use image $path: there is no such file; correct duet:image"
  if [ -n "$sha256" ]; then check; fi
  require_fit
  printf '%s\n' "$path" | replace_file "$noted"
  if [ -n "$owner" ]; then chown "$owner" -- "$noted"; fi
}

delete() { rm -f -- "$noted"; }

# What root has made in the cache is its owner's to delete.
give_away() {
  local folder
  folder=$(dirname "$path")
  if [ -O "$folder" ]; then chown "$owner" -- "$(dirname "$folder")" "$folder" "$folder"/*; fi
}

# The disks of guests are overlays of the image: of another one they would have to be made anew.
keep_disks() {
  local before disks pools
  before=$(cat -- "$noted" 2>/dev/null) || return 0
  if [ "$before" = "$path" ]; then return; fi
  # Of a pool that is gone no disk can be lost.
  pools=$(virsh_in_time pool-list --all --name)
  if ! grep -qxE -e "${pool//./\\.} *" <<<"$pools"; then return; fi
  disks=$(virsh_in_time vol-list "$pool" | sed -n 's/^ *\([^ ]*\)\.qcow2 .*/\1/p')
  disks=$(grep -vxF -e "${volume%.qcow2}" <<<"$disks" | paste -sd' ') || true
  [ -z "$disks" ] ||
    die "cannot use image $path: the disks of $disks are made of $before, and what is in them would be lost;" \
      "ask for that one, duet:image: { path: $before }, or run pulumi destroy, and then up"
}

facts() { stat -L -c 'image: %s bytes of %Y' -- "$path"; }

fetch() {
  mkdir -p -- "$(dirname "$path")"
  in_namespace curl -fsSL --retry 3 --connect-timeout 20 -o "$path.part" -- "$url" >&2 ||
    die "cannot fetch image $url: see above; correct duet:image, or repair the way to it"
  mv -- "$path.part" "$path"
}

check() {
  local found
  found=$(sha256sum -- "$path" | cut -d' ' -f1)
  [ "$found" = "$sha256" ] ||
    die "cannot use image $path: its SHA-256 is $found and not $sha256; remove the file, or correct duet:image"
}

# libvirt would take any file, and a guest would not find its disk, or only a part of it.
require_fit() {
  local said format bytes
  said=$(qemu-img info -U -- "$path" 2>&1) || die "cannot use image $path: qemu-img says: ${said##*$'\n'}"
  format=$(sed -n 's/^file format: //p' <<<"$said")
  bytes=$(sed -n 's/^virtual size: .*(\([0-9]*\) bytes).*/\1/p' <<<"$said")
  [ "$format" = qcow2 ] ||
    die "cannot use image $path: its format is $format, and guests take qcow2;" \
      "do qemu-img convert -O qcow2 $path NEW, and ask for that one in duet:image"
  [ "$bytes" -le $((smallest_disk << 30)) ] ||
    die "cannot use image $path: its disk has $bytes bytes, and the smallest disk in duet:vms $smallest_disk GiB;" \
      "ask for $(((bytes + (1 << 30) - 1) >> 30)) GiB or more"
}

run_step "$@"
