# The packages of the host, and the groups that the developer joins. Source: guide, steps 1 and 7.
: "${packages[*]-}" "${groups[*]-}" "${uid:?}" "${joined:?}" "${sockets[*]-}" "${uri:?}"
. ../machine/step.sh
. ../machine/lib/apt.sh

create() {
  install_packages "${packages[@]}"
  join_groups
  await_libvirt
  open_sockets
}

facts() { package_facts "${packages[@]}"; }

identity() { printf '%s\n' "$uid"; }

delete() { leave_groups; }

# Adds the developer to the groups that there are, if the developer has an account on this host, and notes which.
join_groups() {
  local user group
  user=$(getent passwd "$uid" | cut -d: -f1) || return 0
  if [ "$uid" -lt 1000 ]; then return; fi
  for group in "${groups[@]}"; do
    if getent group "$group" >/dev/null && ! id -nG -- "$user" | tr ' ' '\n' | grep -qxF -e "$group"; then
      mkdir -p -- "$(dirname "$joined")"
      gpasswd -a "$user" "$group" >&2
      printf '%s %s\n' "$user" "$group" >>"$joined"
    fi
  done
}

# Whoever has joined a group is in it from the next login on. Until the next boot libvirt listens to the developer by
# name, so that this run can go on.
open_sockets() {
  local socket
  if [ ! -s "$joined" ]; then return; fi
  for socket in "${sockets[@]}"; do
    if [ -S "$socket" ]; then setfacl -m "u:$uid:rw" -- "$socket"; fi
  done
}

leave_groups() {
  local user group socket
  if [ ! -e "$joined" ]; then return; fi
  for socket in "${sockets[@]}"; do setfacl -x "u:$uid" -- "$socket" 2>/dev/null || true; done
  while read -r user group; do gpasswd -d "$user" "$group" >&2 || true; done <"$joined"
  rm -f -- "$joined"
}

# The system's libvirt needs a moment after it was installed. Any other is somebody's to start.
await_libvirt() {
  local said status start='systemctl start libvirtd'
  case $uri in qemu:///*) ;; *) return ;; esac
  for _ in $(seq 30); do
    status=0
    said=$(timeout 15 virsh -q -c "$uri" uri 2>&1) || status=$?
    case $status in
      0) return ;;
      124) said='no answer in 15 s' && break ;;
    esac
    sleep 0.5
  done
  # Source: sd_booted(3).
  [ -d /run/systemd/system ] || start='virtlogd -d; libvirtd -d'
  die "cannot reach libvirt at $uri: $(tail -n 1 <<<"$said"); start it as root: $start"
}

run_step "$@"
