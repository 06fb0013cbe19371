# Brings a domain to the state "runs and answers ssh" from any other: off, crashed, paused by gdb, in a panic, edited or
# undefined by hand. The repair is gentle first: it resumes, then waits, and resets a guest only if that did not help.
# Source: guide, step 4.
: "${timeout:?}" "${stub:?}"
. ../machine/step.sh
. ../machine/lib/await.sh
. ../machine/lib/ssh.sh
. ../machine/lib/standing.sh
. ../host/gdb-stub.sh
. ../crash/report.sh
. ./own-kernel.sh
. ./proven.sh

create() {
  # Another definition takes it down.
  if is_crashed; then tell_crash; fi
  keep_definition
  end_shared_connection
  case $("${virsh[@]}" domstate -- "$guest") in
    running) ;;
    paused) resume ;;
    crashed) go_back || start ;;
    *) start ;;
  esac
  require_link
  await_guest "$timeout" || reset
  timeout 120 "${ssh[@]}" "$await_cloud_init" </dev/null >&2 || true
}

# The definition is read, and a domain that does not run is not waited for, while the guest is asked.
facts() {
  local state answer='' asked
  exec {asking}< <(exec timeout --foreground 10 "${ssh[@]}" echo yes </dev/null 2>/dev/null)
  asked=$!
  fact 'domain definition' "$(own_definition 2>/dev/null | sha256sum | cut -c1-16)"
  state=$("${virsh[@]}" domstate -- "$guest" 2>/dev/null || echo undefined)
  fact domain "$state"
  if [ "$state" = running ]; then
    read -r answer <&"$asking" || true
  else
    kill "$asked" 2>/dev/null || true
  fi
  fact 'answers ssh' "${answer:-no}"
}

delete() { end_shared_connection; }

explain() {
  if panicked || is_crashed; then printf '%s; pulumi up resets it\n' "$(known_crash)"; fi
  if is_out_of_space; then printf '%s, then run pulumi up\n' "$(out_of_space)"; fi
}

# Says in a line what the guest has crashed with, once that is written down.
tell_crash() {
  await_report
  tell_crashes "$told" || say "$guest panicked: $(panic_story '')"
}

known_crash() {
  local folder
  await_report
  folder=$(untold | tail -n 1)
  printf 'guest '
  if [ -n "$folder" ]; then crash_line "$folder"; else printf '%s panicked: %s' "$guest" "$(panic_story '')"; fi
}

# shellcheck disable=SC2016 # It is the guest's shell that runs this.
await_cloud_init='if [ -d /run/cloud-init ] && [ ! -e /run/cloud-init/result.json ]; then
  cloud-init status --wait >/dev/null
fi'

resume() {
  local gdb was_full=''
  gdb=$(attached "$stub")
  [ -z "$gdb" ] || die "cannot resume domain $guest: a debugger that is attached has stopped it, $gdb;" \
    "detach it, then run this again"
  drop_breakpoints "$stub"
  if is_out_of_space; then was_full=yes; fi
  go_on
  # What QEMU could not write it writes now, or stops the guest again.
  if [ -n "$was_full" ]; then sleep 1 && require_space; fi
}

require_space() { if is_out_of_space; then die "$(out_of_space), then run this again"; fi; }

# Whether QEMU has stopped the guest since its disk, on the host, could not grow. Source: virsh(1), domblkerror.
is_out_of_space() { timeout 5 "${virsh[@]}" domblkerror -- "$guest" 2>/dev/null | grep -q ': no space$'; }

out_of_space() {
  printf 'cannot go on with domain %s: it is stopped, since the host has no space left for its disk; free some' "$guest"
}

# A link that is down, or on no bridge any more, is no matter of waiting, and a reset does not help. The links of a
# libvirt on another machine are not seen here.
require_link() {
  local link seen
  while read -r link _; do
    seen=$(ip -o link show dev "$link" 2>/dev/null) || continue
    case $seen in
      *' master '*) ;;
      *)
        say "$guest has lost its bridge, as its network was restarted: it starts again"
        start
        return
        ;;
    esac
    case $seen in
      *[\<,]UP[,\>]*) ;;
      *) die "cannot reach $guest: its link $link is down; do ip link set $link up there, and run this again" ;;
    esac
  done < <("${virsh[@]}" domiflist -- "$guest")
}

start() {
  local user
  user=$(stub_taken "$stub" "$guest")
  [ -z "$user" ] || die "cannot start domain $guest with its stub at $stub: $user listens there;" \
    "end it, then run this again"
  cut_off
  drop_lost_kernel
  power_on
}

reset() {
  if panicked; then tell_crash; fi
  require_space
  say "$guest did not answer$(standing); resetting it"
  # A debugger that is attached stays so.
  if [ -n "$(attached "$stub")" ]; then
    reset_in_place
  elif go_back; then
    return
  elif [ "$("${virsh[@]}" domstate -- "$guest")" = 'shut off' ]; then
    # Going back has cut it off, and no more.
    start
  else
    drop_breakpoints "$stub"
    reset_guest
  fi
  go_on
  sleep 2
  if await_guest "$timeout"; then return; fi
  last_of_console 20 >&2
  if panicked; then die "cannot reach $guest: it was reset and panicked again: $(panic_story ''); see $console"; fi
  die "cannot reach $guest: it was reset and did not answer ssh within $(waited) s$(standing);" \
    "the last lines of its console, $console, are above"
}

run_step "$@"
