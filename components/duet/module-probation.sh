# How a module is put in, by a step or at a boot. It may take its guest down some time later, and would again at each
# boot: so a load leaves a mark, which goes once the module has lived for a while, or the guest goes down in order. A
# boot that finds the mark does not load.
: "${module:?}" "${unit:?}" "${probation:?}"
. ../machine/step.sh
. ../machine/lib/files.sh
. ../machine/lib/in-time.sh
. ../machine/lib/since.sh
. ./module-file.sh

loaded=/sys/module/$called
unit_file=/etc/systemd/system/duet-module.service
wanted_by=/etc/systemd/system/multi-user.target.wants/duet-module.service
# An alias would have it loaded at boot by whoever finds its device. It is still put in by its name.
blacklist=/etc/modprobe.d/duet-module.conf
mark=$records/.loading

# Puts the unit in place that loads the module at each boot.
have_loaded_at_boot() {
  # What an earlier version of this step has left.
  rm -f -- "/etc/modules-load.d/$module.conf"
  if [ "$(cat -- "$unit_file" 2>/dev/null)" != "${unit//@file@/$record.sh}" ]; then
    printf '%s\n' "${unit//@file@/$record.sh}" | replace_file "$unit_file"
  fi
  # As `systemctl enable` does it, which has systemd read all units again.
  mkdir -p -- "${wanted_by%/*}" "${blacklist%/*}"
  printf 'blacklist %s\n' "$called" | replace_file "$blacklist"
  ln -sfn -- "$unit_file" "$wanted_by"
}

unit_facts() {
  local state=no
  if [ -e "$wanted_by" ]; then state=yes; fi
  fact 'loaded at boot' "$state"
  lasting_checksum unit "$unit_file"
}

# Runs at each boot, by the unit.
boot() {
  if [ -e "$mark" ]; then
    printf '<3>duet: module %s is not loaded: it did not live for %s s after its last load; run pulumi up, %s\n' \
      "$module" "$probation" 'which loads it again' >/dev/kmsg
    exit 1
  fi
  work=$(mktemp -d)
  trap 'rm -rf -- "$work"' EXIT
  insert || die "cannot load $module: $(<"$work/errors")"
}

# Seconds for the module's init function.
patience=120

# Puts the module in, and marks that while it proves itself. What it says is in $work/errors.
insert() {
  local code=0
  : >"$mark"
  sync -- "$mark" "$records"
  in_time "$patience" modprobe "$module" >"$work/errors" 2>&1 || code=$?
  if [ "$code" = 0 ]; then
    begin_probation
  elif [ ! -d "$loaded" ]; then
    rm -f -- "$mark"
  fi
  return "$code"
}

begin_probation() {
  if systemd-run --quiet --collect --unit=duet-probation --property="ExecStopPost=/bin/rm -f -- $mark" \
    sleep "$probation" >&2; then return; fi
  say "module $module is loaded at the next boot whatever becomes of it: systemd-run failed, see above"
  rm -f -- "$mark"
}

# Whether the mark is of a load that proves itself at this moment, or has just done so.
on_probation() { [[ $(systemctl is-active duet-probation.service) =~ ^(active|activating|deactivating)$ ]]; }

# Forgets how the last load went: the unit that waits removes the mark as it ends.
end_probation() {
  systemctl -q stop duet-probation.service 2>/dev/null || true
  rm -f -- "$mark"
}
