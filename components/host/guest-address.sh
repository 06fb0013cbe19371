# The address of one guest in the subnet of its stack: it is the guest's for as long as the stack has it, whatever its
# place among the others, and nobody's for whom the DHCP server holds it. So is its name. Source: guide, step 4.
: "${guest:?}" "${description:?}" "${mac:?}" "${subnet:?}" "${network:?}" "${uri:?}" "${state:?}" "${folder:?}"
: "${disk:?}" "${image:?}"
. ../machine/step.sh
. ../machine/lib/lease.sh
. ../machine/lib/virsh.sh

# The host has .1; what is above .199 is left for whom somebody adds by hand.
first=10
last=199

create() {
  local addresses
  require_name
  require_disk
  mapfile -t addresses < <(standing && seq -f "$subnet.%.0f" "$first" "$last")
  claim address "${addresses[@]}"
}

facts() { lease_fact address; }

# The network would keep the address for a guest that is gone.
delete() {
  local address
  for address in $(own_leases); do
    virsh_in_time net-update "$network" delete ip-dhcp-host "<host ip='$address'/>" --live --config >&2 || true
  done
  release
}

# libvirt has each name once, and would refuse the domain when all else is made.
require_name() {
  local domain names
  # A name that is a number would be taken for an id.
  names=$(virsh_in_time list --all --name 2>/dev/null) || return 0
  if ! grep -qxF -e "$guest" <<<"$names"; then return; fi
  domain=$(virsh_in_time dumpxml -- "$guest" 2>/dev/null) || return 0
  grep -qF -e "<description>$description</description>" <<<"$domain" ||
    die "cannot make domain $guest: libvirt has one of that name, which is not of this stack; give the guest another" \
      "name in duet:vms"
}

# The provider takes a volume of that name for its own, and destroy deletes it. The pool has the network's name.
require_disk() {
  local volume
  volume=$(virsh_in_time vol-dumpxml --pool "$network" --vol "$disk" 2>/dev/null) || return 0
  case $volume in
    '' | *"/$image</path>"* | *"<format type='raw'/>"*) ;;
    *) die "cannot make the disk of $guest: the storage pool $network has a volume $disk, which is not of this stack;" \
      "move it away, or give the guest another name in duet:vms" ;;
  esac
}

# The address of a guest that stood before addresses were leased, by which ssh reaches it.
standing() { address_in "$folder/ssh_config" | grep -E -e "^${subnet//./\\.}\\.[0-9]+$" || true; }

address_in() { sed -n 's/^ *HostName //p' "$1" 2>/dev/null; }

# Another guest that stands there, or that the network or its DHCP server holds the address for.
taken() { # ADDRESS
  local file
  for file in "$state"/*/ssh_config; do
    if [ "$file" != "$folder/ssh_config" ] && [ "$(address_in "$file")" = "$1" ]; then
      printf 'guest %s' "$(basename "$(dirname "$file")")"
      return
    fi
  done
  held_by_network "$1"
}

# By lines such as `<host mac='…' name='…' ip='…'/>`, and `DATE TIME   52:54:…   ipv4   192.168.150.10/24   …`.
held_by_network() { # ADDRESS
  local held
  held=$({
    virsh_in_time net-dumpxml "$network" | grep -F -e "ip='$1'"
    virsh_in_time net-dhcp-leases "$network" | grep -F -e " $1/"
  } 2>/dev/null | grep -ivF -e "$mac" | grep -ioE -m 1 -e '([0-9a-f]{2}:){5}[0-9a-f]{2}') || true
  if [ -n "$held" ]; then printf 'the network, for %s,' "$held"; fi
}

run_step "$@"
