# What a login of the web console is: cockpit-ws asks here who may come in, and what comes after that is the bridge, by
# which its pages reach this machine. Standard input and output are cockpit-ws.
# Source: cockpit's doc/authentication.md and doc/protocol.md.
: "${password:?}" "${bus:?}"
set -euo pipefail
export LC_ALL=C

# Sends a control message: its length, the empty name of a channel, and JSON.
send() { # JSON
  printf '%s\n\n%s' "$((${#1} + 1))" "$1"
}

# Asks for user and password, and prints them as a browser has sent them.
credentials() {
  local size message
  send '{"command":"authorize","cookie":"duet","challenge":"*"}' >&3
  read -r size && [[ $size =~ ^[1-9][0-9]{0,4}$ ]] && read -r -N "$size" message &&
    [[ $message =~ \"response\":\"[Bb]asic\ ([0-9A-Za-z+/=]+)\" ]] && base64 -d <<<"${BASH_REMATCH[1]}" | tr -d '\0'
}

# A bus for this session alone: libvirt-dbus takes it for that of the system, and so answers for the system's libvirt,
# which here is the sandbox's.
if [ "${1-}" = bridge ]; then
  # virsh would say in each console that it finds no polkit here, and needs none.
  mount --bind /bin/true /usr/bin/pkttyagent 2>/dev/null || true
  # The bridge starts an agent if none is named, and leaves it if it is killed. No page of this console needs one.
  export DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS SSH_AUTH_SOCK=/dev/null LC_ALL=C.UTF-8
  exec cockpit-bridge
fi

exec 3>&1
if [ "$(credentials)" != "root:$(<"$password")" ]; then
  send '{"command":"init","version":1,"problem":"authentication-failed"}'
  exit
fi
exec 3>&-
exec unshare --mount dbus-run-session "--config-file=$bus" -- bash "$0" bridge
