# The web console of a host whose services systemd starts: Cockpit with its page of virtual machines, on loopback alone,
# and behind the login of the host. All stacks of the host have it together. Source: guide, step 2; systemd.socket(5).
: "${packages[0]:?}" "${drop_in:?}" "${certificates:?}" "${port:?}"
. ../machine/step.sh
. ../machine/lib/apt.sh
. ../machine/lib/files.sh
. ../machine/lib/lease.sh

create() {
  local line
  [ -d /run/systemd/system ] ||
    die "cannot open the web console: systemd does not run here, which starts it; leave duet:host.console out"
  lock_leases
  printf '%s\n' "$owner" >"$leases/$(holder)"
  if is_ours || ! is_of_others; then open_on_loopback; else install_packages "${packages[@]}"; fi
  line=$(listening | head -n 1)
  [ -n "$line" ] ||
    die "cannot open the web console: cockpit.socket of this host does not listen, and was not set up by Duet;" \
      "start it: systemctl enable --now cockpit.socket"
  result address "$(address_of "$line")"
}

facts() {
  local line
  package_facts "${packages[@]}"
  line=$(listening | tr '\n' ' ')
  fact 'web console listens on' "$line"
  if is_ours; then checksum_fact "$drop_in" "$drop_in"; else
    note "the web console of this host was set up by somebody else and is left as it is; it listens on $line"
  fi
}

# The packages stay, as ever; but without the line of ours it would listen on every address from the next boot on.
delete() {
  [ -d "$leases" ] || return 0
  lock_leases
  drop_leases ''
  if [ -z "$(ls -- "$leases")" ] && is_ours; then
    timeout 60 systemctl disable --now cockpit.socket >&2 || true
    timeout 60 systemctl stop cockpit.service >&2 || true
    # Cockpit makes itself a certificate when the first browser comes.
    find "$certificates" -maxdepth 1 -name '0-self-signed*' -newer "$drop_in" -delete 2>/dev/null || true
    rm -f -- "$drop_in"
    rmdir -- "$(dirname -- "$drop_in")" 2>/dev/null || true
    timeout 60 systemctl daemon-reload >&2
  fi
  release
}

# Prints the name of the file by which this stack is known to need the console.
holder() { printf %s "$owner" | sha256sum | cut -c 1-16; }

# Whether a stack has set it up, also if somebody has edited that since.
is_ours() { [ -e "$leases/.ours" ]; }

# Whether the socket was there before, and in use.
is_of_others() { systemctl -q is-enabled cockpit.socket 2>/dev/null || systemctl -q is-active cockpit.socket; }

# What restricts it comes before the packages, which start it as they are installed.
open_on_loopback() {
  local user
  if ! systemctl -q is-active cockpit.socket; then
    user=$(ss -Hltnp "sport = :$port" | head -n 1)
    [ -z "$user" ] ||
      die "cannot open the web console on port $port: another program listens there, ${user#LISTEN *}; end it"
  fi
  : >"$leases/.ours"
  mkdir -p -- "$(dirname -- "$drop_in")"
  cmp -s -- <(restriction) "$drop_in" || restriction | replace_file "$drop_in"
  install_packages "${packages[@]}"
  timeout 60 systemctl daemon-reload >&2
  timeout 60 systemctl enable cockpit.socket >&2
  # A restart ends what people do there.
  if [ "$(listening)" = "127.0.0.1:$port" ]; then return; fi
  timeout 60 systemctl restart cockpit.socket >&2 ||
    die "cannot open the web console on port $port: $(systemctl status cockpit.socket 2>&1 | tail -n 1)"
}

# Prints the drop-in. Its empty line takes back what the unit itself has: every address.
restriction() {
  printf '# duet: on loopback alone\n[Socket]\nListenStream=\nListenStream=127.0.0.1:%s\n' "$port"
}

# Prints where it listens, a line each: `127.0.0.1:9090`.
listening() {
  if systemctl -q is-active cockpit.socket; then systemctl show -P Listen cockpit.socket | sed 's/ (.*//'; fi
}

# Prints how a browser on this host reaches it.
address_of() { # LISTENING
  case $1 in
    *127.0.0.1:* | '[::]:'* | 0.0.0.0:* | \*:*) printf 'http://127.0.0.1:%s\n' "${1##*:}" ;;
    *:*) printf 'https://%s\n' "$1" ;;
    *) printf 'http://127.0.0.1:%s\n' "$1" ;;
  esac
}

run_step "$@"
