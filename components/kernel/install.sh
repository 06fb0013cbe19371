# The packages of a kernel in one guest. The old kernel stays as the fallback. Source: guide, step 10.
: "${packages[0]:?}" "${grub_settings:?}"
. ../machine/step.sh
. ../machine/lib/apt.sh
. ../machine/lib/files.sh
. ../machine/lib/since.sh

grub_file=/etc/default/grub.d/duet.cfg
kernels=('linux-image-*+duet-*' 'linux-headers-*+duet-*')
advice="free some there, or ask for a larger \`disk\` in duet:vms"

create() {
  local package needed=32 names=()
  export DEBIAN_FRONTEND=noninteractive
  mkdir -p "$(dirname "$grub_file")"
  printf '%s' "$grub_settings" >"$grub_file"
  wait_for_dpkg
  # An installation that was cut off is completed.
  complete_dpkg >&2
  for package in "${packages[@]}"; do
    names+=("$(basename "${package%%_*}")")
    # It is not compressed. If it is not there, dpkg says so.
    needed=$((needed + ($(stat -c %s -- "$package" 2>/dev/null || echo 0) >> 20)))
  done
  # The one that runs is there until the new one has come up; those before it would fill the disk, one a commit.
  purge_but "linux-image-$(uname -r)" "${names[@]}"
  [ "$(left)" -ge "$needed" ] || die "cannot install ${names[*]}: $(almost_full), and it takes $needed; $advice"
  without_grub dpkg --force-confold -i "${packages[@]}" >&2 ||
    die "cannot install ${names[*]}: see dpkg's lines above, and run this again"
  tell_grub
  sync
  if [ "$(left)" -lt "$needed" ]; then say "$(almost_full), and the next kernel takes $needed; $advice"; fi
}

# The MiB that are left on the guest's disk.
left() { echo "$(($(stat -f -c '%a * %S >> 20' /)))"; }

almost_full() { printf 'the disk of %s has %s MiB left' "$HOSTNAME" "$(left)"; }

# The Duet kernels that are installed, and GRUB's settings.
facts() {
  local package lists=(/var/lib/dpkg/info/linux-image-*+duet-*.list)
  # That of headers is there only if they were asked for.
  for package in "${packages[@]##*/}"; do lists+=("/var/lib/dpkg/info/${package%%_*}.list"); done
  if newer_than_record "${lists[@]}" "$grub_file"; then
    # shellcheck disable=SC2016 # dpkg-query's own variables.
    dpkg-query -W -f='package ${Package}: ${Version} ${db:Status-Status}\n' "${kernels[@]}" 2>/dev/null
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
  rm -f -- "$told_grub"
}

# What GRUB was told of last.
told_grub=/boot/grub/duet

# Without KVM this takes 16 s, and another build of a release is nothing new to GRUB.
tell_grub() {
  local now
  now=$(bootable | sha256sum)
  if [ -e /boot/grub/grub.cfg ] && [ ! /boot/grub/grub.cfg -nt "$told_grub" ] &&
    [ "$(cat -- "$told_grub" 2>/dev/null)" = "$now" ]; then return; fi
  update-grub >&2
  printf '%s\n' "$now" >"$told_grub"
}

# The kernels, those that have an initial RAM disk, and the settings.
bootable() {
  find /boot -maxdepth 1 \( -name 'vmlinuz-*' -o -name 'initrd.img-*' \) | sort
  cat -- "$grub_file"
}

# Removes all Duet kernels but some.
purge_but() { # PACKAGE...
  local name
  # shellcheck disable=SC2016 # dpkg-query's own variables.
  for name in $(dpkg-query -W -f='${Package}\n' "${kernels[@]}" 2>/dev/null || true); do
    case " $* " in *" $name "*) ;; *) DEBIAN_FRONTEND=noninteractive without_grub dpkg --purge "$name" >&2 ;; esac
  done
}

# Runs words without the update-grub that a distribution's hooks call for each kernel, by its name: without KVM that
# takes 16 s each time. It is run once, at the end, whether there are hooks or not.
without_grub() { # WORD...
  local shadow status=0
  # In memory: the disk may be full of kernels.
  shadow=$(mktemp -d -p /run)
  ln -s /bin/true "$shadow/update-grub"
  PATH=$shadow:$PATH "$@" || status=$?
  rm -rf -- "$shadow"
  return "$status"
}

run_step "$@"
