# The package of a kernel in one guest. The old kernel stays as the fallback. Source: guide, step 10.
: "${package:?}" "${grub_settings:?}"
. ../machine/step.sh
. ../machine/lib/apt.sh
. ../machine/lib/files.sh
. ../machine/lib/since.sh

grub_file=/etc/default/grub.d/duet.cfg
kernels='linux-image-*+duet-*'

create() {
  export DEBIAN_FRONTEND=noninteractive
  mkdir -p "$(dirname "$grub_file")"
  printf '%s' "$grub_settings" >"$grub_file"
  wait_for_dpkg
  # An installation that was cut off is completed.
  complete_dpkg >&2
  dpkg --force-confold -i "$package" >&2 || die "cannot install $package: see dpkg's lines above, and run this again"
  # The one that runs is there until the new one has come up; those before it would fill the disk, one a commit.
  purge_but "linux-image-$(uname -r)" "$(basename "${package%%_*}")"
  update-grub >&2
  sync
}

# The Duet kernels that are installed, and GRUB's settings.
facts() {
  local lists=(/var/lib/dpkg/info/linux-image-*+duet-*.list)
  if newer_than_record "${lists[@]}" "$grub_file"; then
    # shellcheck disable=SC2016 # dpkg-query's own variables.
    dpkg-query -W -f='package ${Package}: ${Version} ${db:Status-Status}\n' "$kernels" 2>/dev/null
    checksum_fact 'GRUB settings' "$grub_file"
  else
    recorded ''
  fi
}

# Removes the Duet kernel, unless it is the one that runs.
delete() {
  rm -f -- "$grub_file"
  purge_but "linux-image-$(uname -r)"
  update-grub >&2
}

# Removes all Duet kernels but some.
purge_but() { # PACKAGE...
  local name
  # shellcheck disable=SC2016 # dpkg-query's own variables.
  for name in $(dpkg-query -W -f='${Package}\n' "$kernels" 2>/dev/null || true); do
    case " $* " in *" $name "*) ;; *) DEBIAN_FRONTEND=noninteractive dpkg --purge "$name" >&2 ;; esac
  done
}

run_step "$@"
