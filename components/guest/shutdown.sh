# What a guest does in order: it goes off, and boots again. Source: guide, step 10.
. ../machine/lib/ssh.sh
. ./power.sh

# In order, if the guest is up to that: what it has is written, and its module is not what took it down.
power_off() {
  if [ "$("${virsh[@]}" domstate -- "$guest" 2>/dev/null)" = running ] &&
    timeout 20 "${ssh[@]}" systemctl --no-block poweroff </dev/null >/dev/null 2>&1; then
    for _ in $(seq 60); do
      if [ "$("${virsh[@]}" domstate -- "$guest")" != running ]; then break; fi
      sleep 1
    done
  fi
  cut_off
}

reboot_guest() {
  if needs_other_qemu; then
    power_off
    power_on
  else
    forget_panic
    timeout 20 "${ssh[@]}" systemctl reboot </dev/null >/dev/null 2>&1 || true
  fi
}
