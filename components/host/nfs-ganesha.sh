# One stack's nfs-ganesha: NFSv4 over TCP on one address, one directory under its own path, for single addresses.
# Source: guide, step 5.
: "${directory:?}" "${address:?}" "${folder:?}" "${configuration:?}"
. ../machine/step.sh
. ../machine/lib/files.sh

conf=$folder/ganesha.conf
pid_file=$folder/ganesha.pid
log=$folder/ganesha.log

create() {
  command -v ganesha.nfsd >/dev/null ||
    die "cannot serve $directory: nfs-ganesha is not installed; apt-get install nfs-ganesha nfs-ganesha-vfs"
  # Its facts are read by whose stack it is.
  install -d -m 755 -- "$folder"
  install -d -m 700 -- "$folder/recovery"
  printf '%s' "$configuration" >"$conf.new"
  if ! running || ! cmp -s -- "$conf.new" "$conf"; then start; fi
  rm -f -- "$conf.new"
  printf '%s\n' "$address:$directory"
}

facts() {
  if running; then fact 'NFS server' nfs-ganesha; else fact 'NFS server' none; fi
  fact 'NFS listens on' "$(listeners | cut -d' ' -f1 | sort | tr '\n' ' ')"
  checksum_fact 'NFS exports' "$conf"
}

identity() { echo ganesha; }

delete() {
  stop
  rm -rf -- "$folder"
}

# Whether the nfs-ganesha of the folder runs, and in this network, if that may be looked at; sets `pid`.
running() {
  local network
  pid=$(cat "$pid_file" 2>/dev/null) && [ -n "$pid" ] || return
  network=$(readlink "/proc/$pid/ns/net" 2>/dev/null) || network=
  { [ -z "$network" ] || [ "$network" = "$(readlink /proc/self/ns/net)" ]; } &&
    tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF -e "$conf"
}

# Where it listens, a line each.
sockets() {
  if running; then ss -Hltnp 'sport = :2049' | { grep -F -e "pid=$pid," || true; }; fi
}

# Where servers listen that this stack's guests reach, at its address or at every one, a line each; with -p, and who.
# Other stacks have servers of their own.
listeners() { # OPTION...
  ss -Hltn "$@" 'sport = :2049' | sed -E 's/\[::ffff:([0-9.]+)\]/\1/g' |
    awk -v at="$address:2049" '$4 == at || $4 ~ /^(0\.0\.0\.0|\*|\[::\]):/ { print $4, $6 }'
}

listening() { ss -Hltn "src $address sport = :2049" | grep -q .; }

stop() {
  if running; then
    kill "$pid"
    for _ in $(seq 100); do
      running || break
      sleep 0.1
    done
    ! running || kill -KILL "$pid"
  fi
  rm -f -- "$pid_file"
}

start() {
  local user
  stop
  mv -- "$conf.new" "$conf"
  user=$(listeners -p)
  [ -z "$user" ] ||
    die "cannot serve $directory on port 2049 of $address: another server listens there, ${user//$'\n'/, };" \
      "end it and run this again"
  : >"$log"
  # Without a bus of its own it would take the name that the system's nfs-ganesha has there.
  DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent \
    setsid ganesha.nfsd -f "$conf" -p "$pid_file" -L "$log" -N NIV_EVENT </dev/null >/dev/null 2>&1
  for _ in $(seq 300); do
    if [ -n "$(sockets)" ]; then break; fi
    sleep 0.1
  done
  # If IPv6 is on, and no link has an address of it, nfs-ganesha 4 drops what Bind_addr says, without a word.
  if [ -n "$(sockets)" ] && ! listening; then
    stop
    die "cannot serve $directory on $address alone: nfs-ganesha came up on every address and is ended, since this" \
      "network has IPv6 without an address; give it one, or turn it off"
  fi
  listening ||
    die "cannot serve $directory on $address:2049: nfs-ganesha does not listen there after 30 s;" \
      "its log $log ends: $(tail -n 2 "$log")"
}

run_step "$@"
