# The web console of one stack on the embedded host: Cockpit's page of its virtual machines, on the host's own loopback
# and behind a password. Source: guide, step 2; cockpit-ws(8); cockpit's doc/authentication.md.
#
# `folder` is what the sandbox's libvirtd sees as `place`. Two processes see its mounts, and so its libvirt: cockpit-ws,
# as an account that may do nothing and in the host's network, and what becomes a session of root's for whoever has the
# password, in the sandbox's network, where the consoles of guests are. They are the sandbox's: it ends them, too.
: "${state:?}" "${run:?}" "${folder:?}" "${place:?}" "${ports[0]:?}" "${namespace:?}" "${server:?}" "${account:?}"
: "${configuration:?}" "${banner:?}" "${session:?}" "${bus:?}" "${service:?}"
. ../machine/step.sh
. ../machine/lib/files.sh
. ../machine/lib/lease.sh

log=$state/log
password=$state/password

create() {
  local port before
  [ -x "$server" ] ||
    die "cannot open the web console: cockpit-ws is not installed; apt-get install cockpit-ws cockpit-machines"
  port=$(claim 'port of the web console' "${ports[@]}")
  install -d -m 700 -- "$state"
  install -d -m 755 -- "$folder" "$folder/cockpit"
  if [ ! -s "$password" ]; then (umask 077 && head -c 18 /dev/urandom | base64 | tr +/ -_ >"$password"); fi
  before=$(content)
  printf '%s' "$configuration" >"$folder/cockpit/cockpit.conf"
  printf '%s\n' "$banner" >"$folder/banner"
  printf '%s\n' "$session" >"$folder/session.sh"
  printf '%s' "$bus" >"$folder/bus.conf"
  printf '%s' "$service" >"$folder/org.libvirt.service"
  if [ "$(content)" != "$before" ] || ! accepts || ! answers "$port"; then start "$port"; fi
  result port "$port"
  result password "$(<"$password")"
}

facts() {
  local port
  port=$(own_leases)
  fact 'web console port' "$port"
  fact 'web console' "$(answers "$port" && echo answers || echo none)"
  fact 'web console login' "$(accepts && echo answers || echo none)"
  fact 'web console files' "$(content)"
  checksum_fact 'web console password' "$password"
}

delete() {
  stop
  rm -rf -- "$state" "$folder"
  rmdir -- "$(dirname -- "$folder")" 2>/dev/null || true
  release
}

# Prints who listens on a port of the host, by name and pid, unless it is this stack's own.
taken() { # PORT
  local pid found
  for pid in $(in_host ss -Hltnp "sport = :$1" | grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -u); do
    if ! is_own "$pid"; then
      found="process $pid ($(cat "/proc/$pid/comm" 2>/dev/null))"
      say "port $1 is not free for the web console: $found uses it"
      printf '%s' "$found"
    fi
  done
}

in_host() { nsenter "--net=$namespace" "$@"; } # WORD...

# Prints a checksum of all that the two processes read.
content() {
  local files=(cockpit/cockpit.conf banner session.sh bus.conf org.libvirt.service)
  { cat -- "${files[@]/#/"$folder/"}" 2>/dev/null || true; } | sha256sum | cut -c 1-16
}

# Whether a process is one of the two: they have that in their environment.
is_own() { # PID
  tr '\0' '\n' 2>/dev/null <"/proc/$1/environ" | grep -qxF -e "XDG_CONFIG_DIRS=$place"
}

# Prints the pid of one of the two, if it runs.
pid_of() { # NAME
  local pid
  pid=$(cat "$state/$1.pid" 2>/dev/null) && is_own "$pid" && printf '%s\n' "$pid"
}

# Whether the console is there for a browser.
answers() { # PORT
  # shellcheck disable=SC2016 # The variable is that of the shell there.
  pid_of server >/dev/null && in_host timeout 5 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" &&
    printf "GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" >&3 && grep -q cockpit <&3' \
    bash "$1" 2>/dev/null
}

# Whether somebody could log in there.
accepts() { pid_of login >/dev/null && [ -S "$folder/session" ]; }

# Ends the two and their sessions.
stop() {
  local name pid
  for name in server login; do
    pid=$(pid_of "$name") || continue
    kill -- "-$pid" 2>/dev/null || true
    for _ in $(seq 50); do
      is_own "$pid" || break
      sleep 0.1
    done
    ! is_own "$pid" || kill -KILL -- "-$pid" 2>/dev/null || true
  done
  rm -f -- "$state"/*.pid "$folder/session"
}

start() { # PORT
  local libvirtd
  stop
  libvirtd=$(cat "$run/libvirtd.pid" 2>/dev/null) || true
  [ -e "/proc/$libvirtd/ns/mnt" ] ||
    die "cannot open the web console: the libvirtd of the embedded host does not run; run pulumi up again"
  : >"$log"
  begin login "--mount=/proc/$libvirtd/ns/mnt" systemd-socket-activate --accept --inetd \
    "--listen=$place/session" bash "$place/session.sh"
  await_it 'its login does not come up' accepts
  # As it is made, root alone may connect to it.
  chown -- "$account" "$folder/session"
  begin server "--mount=/proc/$libvirtd/ns/mnt" "--net=$namespace" setpriv "--reuid=$account" "--regid=$account" \
    --clear-groups --no-new-privs "$server" --no-tls --address=127.0.0.1 "--port=$1"
  await_it "cockpit-ws does not answer on 127.0.0.1:$1" answers "$1"
}

# Starts a process, with its own group, in namespaces that nsenter takes.
begin() { # NAME WORD...
  XDG_CONFIG_DIRS=$place SYSTEMD_LOG_LEVEL=warning setsid nsenter "${@:2}" </dev/null >>"$log" 2>&1 &
  printf '%s\n' "$!" >"$state/$1.pid"
}

await_it() { # WHAT WORD...
  for _ in $(seq 100); do
    if "${@:2}"; then return; fi
    sleep 0.1
  done
  stop
  die "cannot open the web console: $1 after 10 s; its log $log ends: $(tail -n 2 -- "$log")"
}

run_step "$@"
