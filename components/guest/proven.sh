# A guest as it was proven, with its memory and what was on its disk: a snapshot, which libvirt keeps in that disk. It
# goes with one definition, one QEMU and one processor. Source: virsh(1), snapshot-create, snapshot-revert.
: "${proven?}" # Its name; empty if none is asked for.
. ./definition.sh

# What a snapshot of now would go with.
machine_key() {
  {
    own_definition
    "${virsh[@]}" version 2>/dev/null | grep '^Running hypervisor'
    grep -m 1 '^model name' /proc/cpuinfo
  } | sha256sum | cut -c1-16
}

# What the snapshot goes with; nothing if there is none. That of the domain in it stands deeper.
snapshot_key() {
  "${virsh[@]}" snapshot-dumpxml -- "$guest" "$proven" 2>/dev/null |
    sed -n 's|^  <description>\(.*\)</description>$|\1|p' | head -n 1
}

take_snapshot() {
  forget_snapshot
  "${virsh[@]}" snapshot-create -- "$guest" /dev/stdin >&2 \
    <<<"<domainsnapshot><name>$proven</name><description>$(machine_key)</description></domainsnapshot>"
}

forget_snapshot() { "${virsh[@]}" snapshot-delete -- "$guest" "$proven" >/dev/null 2>&1 || true; }

# Seconds for which a guest that went back has to live: what was proven may be what took it down.
probation=120
went_back=$definition.went-back

# Brings the guest back as it was proven. What was written there since is lost by that, which is what was asked for.
go_back() {
  local last=0
  if [ -z "$proven" ] || [ -z "$(snapshot_key)" ]; then return 1; fi
  if [ "$(snapshot_key)" != "$(machine_key)" ]; then
    say "$guest cannot go back to how it was proven: its definition, QEMU or processor is another one by now"
    return 1
  fi
  last=$(stat -c %Y -- "$went_back" 2>/dev/null) || last=0
  if [ "$(($(date +%s) - last))" -lt "$probation" ]; then return 1; fi
  : >"$went_back"
  say "$guest goes back to how it was proven: what was written there since is lost"
  cut_off
  forget_panic
  "${virsh[@]}" snapshot-revert --running -- "$guest" "$proven" >&2 || {
    say "$guest cannot go back to how it was proven: see libvirt's line above; it boots, and the next up keeps it anew"
    forget_snapshot
    return 1
  }
  end_shared_connection
  await_guest 60 || return 1
  # Its clock stood still.
  timeout 30 "${ssh[@]}" date -s "@$(date +%s.%N)" </dev/null >/dev/null || true
}
