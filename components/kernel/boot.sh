# Has the guest run one kernel: it is booted once, and is the default only after it has come up. If it does not come up,
# the guest is reset into its old kernel, and the console's last lines say why. Source: guide, step 10.
#
# `create` runs on the host, since it ends every connection to the guest; `facts` run in the guest.
: "${packages[0]:?}" # Others were installed before.
. ../machine/step.sh
. ../guest/own-kernel.sh
. ./running.sh

create() {
  local before
  if [ "$(running)" != "$wanted" ] || is_direct; then
    before=$(boot_id)
    in_guest 60 '' boot_once "$release" >&2
    # It would come before GRUB.
    if [ -n "$(own_kernel)" ]; then define_kernel '' ''; fi
    reboot_guest
    await_kernel "$before"
  fi
  in_guest 60 '' make_default "$release" >&2
  result running "$release"
}

# What runs in the guest and what would at its next boot. Its lines are NAME=VALUE. Source: GRUB, "Environment block".
facts() {
  local name entry
  fact 'running kernel' "$(running_kernel)"
  while IFS='=' read -r name entry && [ "$name" != saved_entry ]; do entry=; done </boot/grub/grubenv
  fact 'default entry' "$entry"
}

# In the guest: the fallback is the default, and the kernel is what boots next, once.
boot_once() { # RELEASE
  local entries entry old
  entries=$(grep -o "gnulinux-[^']*-advanced-[^']*" /boot/grub/grub.cfg)
  entry=$(grep -F -e "gnulinux-$1-advanced-" <<<"$entries" | head -n 1) || true
  [ -n "$entry" ] || die "cannot boot kernel $1: GRUB in the guest has no entry for it; is its package there?"
  old=$(grep -vF -e +duet- <<<"$entries" | head -n 1) || true
  if [ -n "$old" ]; then grub-set-default "$old"; fi
  grub-reboot "$entry"
  sync
}

# In the guest: the kernel that has come up is the default from now on.
make_default() { # RELEASE
  grub-set-default "$(grep -o "gnulinux-[^']*" /boot/grub/grub.cfg | grep -F -e "gnulinux-$1-advanced-" | head -n 1)"
  sync
}

run_step "$@"
