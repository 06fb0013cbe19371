# The host's sources in the guest, at the path that they have on the host. Source: guide, step 6.
: "${source:?}" "${directory:?}" "${options:?}" "${line:?}"
. ../machine/step.sh
. ../machine/lib/in-time.sh
. ../machine/lib/lines.sh

# Without the path, and the brackets of an IPv6 address.
server=${source%%:/*}
server=${server#[}
server=${server%]}

create() {
  command -v mount.nfs4 >/dev/null ||
    die "cannot mount $source: mount.nfs4 is not installed in the guest; apt-get install nfs-common"
  put_lines /etc/fstab "$line"
  reload_systemd
  # A mount whose server is gone, or another source's, makes room first.
  if [ "$(mounted)" != "$source" ] || ! answers; then
    # Whoever looks at a server that is dead may wait for ever.
    unmount -l
    require_server
    mkdir -p -- "$directory"
    timeout -k 5 100 mount -t nfs4 -o "$options,retry=1" -- "$source" "$directory" ||
      die "cannot mount $source on $directory: its server does not let the guest in, see above;" \
        "see that the export is up, and this guest among its clients"
  fi
  answers || die "cannot use $source, mounted on $directory: it does not answer within 10 s; see that its server is up"
}

# What mount says of a server that it does not reach comes after minutes, and names nothing.
require_server() {
  local code=0
  in_time 10 connect >/dev/null 2>&1 || code=$?
  case $code in
    0) ;;
    124) die "cannot mount $source: port 2049 of $server does not answer within 10 s; let the guest through to it," \
      "in the firewall of the host" ;;
    *) die "cannot mount $source: port 2049 of $server refuses the guest; see that the NFS server is up" ;;
  esac
}

connect() { exec 3<>"/dev/tcp/$server/2049"; }

# A dead server gives no answer until the facts' time is over.
facts() {
  local found
  found=$(mounted)
  fact source "$found"
  if [ -n "$found" ] && [ -d "$directory/." ]; then fact NFS answers; fi
  lines_fact 'lines in /etc/fstab' /etc/fstab
}

identity() { printf '%s\n' "$directory"; }

delete() {
  unmount
  drop_lines /etc/fstab
  reload_systemd
  rmdir -- "$directory" 2>/dev/null || true
}

# What is mounted on the directory, the topmost, or nothing.
mounted() {
  local what target type last=''
  while read -r what target type _; do
    if [ "$target" = "$directory" ] && [ "$type" != autofs ]; then last=$what; fi
  done </proc/mounts
  printf '%s\n' "$last"
}

answers() { timeout -k 1 10 stat -t -- "$directory/." >/dev/null 2>&1; }

unmount() { # OPTION...
  for _ in $(seq 20); do
    if [ -z "$(mounted)" ]; then return; fi
    umount "$@" -- "$directory" || umount -l -- "$directory"
  done
}

reload_systemd() { if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi; }

run_step "$@"
