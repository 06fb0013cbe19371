# The size of a guest's disk: it grows in place, and its root file system with it. It never shrinks, which would lose
# what lies behind. Source: virsh(1), blockresize.
: "${uri:?}" "${guest:?}" "${pool:?}" "${volume:?}" "${gib:?}"
: "${uuid:?}" # Another domain was just made, and runs.
. ../machine/step.sh
. ../machine/lib/ssh.sh
. ../machine/lib/virsh.sh

create() {
  local path has wanted=$((gib << 30))
  path=$(virsh_in_time vol-path --pool "$pool" "$volume")
  has=$(virsh_in_time domblkinfo "$guest" "$path" | sed -n 's/^Capacity: *//p')
  [ "$has" -le "$wanted" ] ||
    die "cannot make the disk of $guest $gib GiB: it has $((has >> 30)) GiB, and what lies behind would be lost;" \
      "ask for that much, or for a guest of another name"
  if [ "$has" -lt "$wanted" ]; then virsh_in_time blockresize "$guest" "$path" "${wanted}B" >&2; fi
  in_guest 120 '' grow_root >&2 || die "cannot grow the file system of $guest: see the lines above, and run this again"
}

# In the guest: the partition of the root file system, and that, as far as the disk goes. One that fills its disk stays,
# and one that is on no partition is its owner's to grow.
grow_root() {
  local source type number disk free
  read -r source type < <(findmnt -no SOURCE,FSTYPE /)
  source=${source%%[*}
  number=$(cat "/sys/class/block/${source##*/}/partition" 2>/dev/null) || return 0
  disk=$(basename "$(dirname "$(readlink -f "/sys/class/block/${source##*/}")")")
  cd "/sys/block/$disk"
  free=$(($(cat size) - $(cat "${source##*/}/start") - $(cat "${source##*/}/size")))
  if [ "$free" -le 65536 ]; then return; fi
  echo ', +' | sfdisk --quiet --no-reread --no-tell-kernel --force -N "$number" "/dev/$disk"
  partx --update --nr "$number" "/dev/$disk"
  case $type in
    xfs) xfs_growfs / ;;
    btrfs) btrfs filesystem resize max / ;;
    *) resize2fs "$source" ;;
  esac
}

run_step "$@"
